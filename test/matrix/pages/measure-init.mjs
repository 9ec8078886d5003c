/**
 * The milliseconds of a first `init`.
 * @param {() => Promise<{ dispose(): void }>} init
 */
export async function measureInit(init) {
  const start = performance.now();
  const runtime = await init();
  const milliseconds = performance.now() - start;
  runtime.dispose();
  return milliseconds;
}
