// Only in Jest's jsdom: what this host lacks, so that the other tests show that it is no obstacle.
test("there is no TextEncoder", () => {
  expect(typeof window).toBe("object");
  expect(typeof TextEncoder).toBe("undefined");
  expect(typeof TextDecoder).toBe("undefined");
  expect(typeof DecompressionStream).toBe("undefined");
});
