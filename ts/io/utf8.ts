// Without TextEncoder and TextDecoder, which Jest's jsdom and bare engines don't have.

/** As many arguments as every engine takes. */
const UNITS_AT_ONCE = 8192;

/** By the number of bytes that follow the first: the least code point that needs them. */
const LEAST = [0, 0x80, 0x800, 0x10000];

/**
 * The text of UTF-8, a byte order mark included. Throws an Error for bytes that aren't UTF-8: cut off, stray, longer than
 * need be, half a surrogate pair, beyond U+10FFFF. (RFC 3629.)
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const units = new Uint16Array(Math.min(bytes.length, UNITS_AT_ONCE));
  let text = "";
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at++];
    let point = first;
    if (first >= 0x80) {
      const following = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
      let isValid = first >= 0xc0 && first < 0xf8;
      point &= 0x3f >> following;
      for (let count = 0; count < following; count++) {
        const byte = bytes[at++];
        isValid &&= (byte & 0xc0) === 0x80;
        point = (point << 6) | (byte & 0x3f);
      }
      isValid &&= point >= LEAST[following] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
      if (!isValid) throw new Error(`the bytes before ${at} are no character`);
    }
    if (point >= 0x10000) {
      units[length++] = 0xd7c0 + (point >> 10);
      point = 0xdc00 | (point & 0x3ff);
    }
    units[length++] = point;
    // Room for a surrogate pair.
    if (length > units.length - 2 || at === bytes.length) {
      text += Reflect.apply(String.fromCharCode, undefined, units.subarray(0, length));
      length = 0;
    }
  }
  return text;
}

/** A text, which has no half surrogate pairs, as UTF-8. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  // No unit of UTF-16 takes more than three bytes.
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at) ?? 0;
    if (point < 0x80) {
      bytes[length++] = point;
      continue;
    }
    const following = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    bytes[length++] = (0xff80 >> following) | (point >> (6 * following));
    for (let shift = 6 * (following - 1); shift >= 0; shift -= 6) bytes[length++] = 0x80 | ((point >> shift) & 0x3f);
    at += Number(following === 3);
  }
  return bytes.slice(0, length);
}
