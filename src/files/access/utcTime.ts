const utcTime = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?Z)?$/;

/** Returns a time in the form that signatures and access policies use, in milliseconds since 1970; NaN if it has another form. */
export function parseUtcTime(text: string): number {
  return utcTime.test(text) ? Date.parse(text) : Number.NaN;
}
