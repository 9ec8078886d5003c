// How long the page stands still: the longest time between two ticks of a timer on its own thread.

/** Browsers let timers wait for at least so many milliseconds. */
const TICK = 4;

/** Starts to measure. @returns what tells the longest pause so far in milliseconds, and what ends it */
export function watchPauses() {
  let longest = 0;
  let last = performance.now();
  const measure = () => {
    const now = performance.now();
    // Hidden pages get a tick a second, whatever they do.
    if (!document.hidden) longest = Math.max(longest, now - last);
    last = now;
    return longest;
  };
  const timer = setInterval(measure, TICK);
  const forget = () => (last = performance.now());
  document.addEventListener("visibilitychange", forget);
  return {
    longest: () => longest,
    stop() {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", forget);
      return measure();
    },
  };
}
