/** The bytes of a base64 text. */
export function bytesFromBase64(text: string): Uint8Array<ArrayBuffer> {
  // Ten times as fast as the loop, but missing in Node 20 and 22.
  const native = Uint8Array as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> };
  if (native.fromBase64 !== undefined) return native.fromBase64(text);
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = characters.charCodeAt(index);
  return bytes;
}
