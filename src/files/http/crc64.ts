/*
 * The CRC-64 of Azure Storage, which NVMe also uses. It needs two tables of 32 bits, because JavaScript's numbers are
 * too short and its big integers are too slow for megabytes.
 */

const lowPolynomial = 0xac4bc9b5;
const highPolynomial = 0x9a6c9329;

const lowTable = new Uint32Array(256);
const highTable = new Uint32Array(256);
for (let index = 0; index < 256; index++) {
  let low = index;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const carries = (low & 1) === 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (carries) {
      low ^= lowPolynomial;
      high ^= highPolynomial;
    }
  }
  lowTable[index] = low;
  highTable[index] = high;
}

/** Returns the CRC-64 of some bytes: eight bytes, lowest first, in Base64. */
export function crc64(data: Uint8Array): string {
  let low = 0xffffffff;
  let high = 0xffffffff;
  for (const byte of data) {
    const index = (low ^ byte) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ (lowTable[index] ?? 0);
    high = (high >>> 8) ^ (highTable[index] ?? 0);
  }
  const sum = Buffer.alloc(8);
  sum.writeUInt32LE(~low >>> 0, 0);
  sum.writeUInt32LE(~high >>> 0, 4);
  return sum.toString("base64");
}
