/**
 * A lease as it is stored. Its state depends on these times and the current time. Both are times of `steadyNow`; after a
 * restart, `PropertyStore` corrects those that another wall clock has set.
 */
export interface Lease {
  /** GUID in lowercase. */
  readonly id: string;
  /** Duration in seconds; -1 if the lease does not expire. */
  readonly duration: number;
  /** Time when it expires, in milliseconds since 1970. Absent if it does not expire. */
  readonly endsAt?: number;
  /** Time from which it is broken, in milliseconds since 1970. Absent unless the lease was broken. */
  readonly brokenAt?: number;
}
