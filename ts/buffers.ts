/** Whether a buffer has been transferred, or was memory that has grown since. Its views have a length of 0. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    // ArrayBuffer.prototype.detached is missing in Node 20; a new view throws for detached buffers alone.
    new Uint8Array(buffer, 0, 0);
    return false;
  } catch {
    return true;
  }
}
