const utcTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?Z)?$/;

/**
 * Parses a time as signatures and access policies write it. Returns milliseconds since 1970; NaN if the text is not
 * valid.
 */
export function parseUtcTime(text: string): number {
  return utcTime.test(text) ? Date.parse(text) : Number.NaN;
}
