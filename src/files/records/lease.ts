/** A lease as it is stored. What state it is in follows from these times and the clock. */
export interface Lease {
  /** GUID in lower case. */
  readonly id: string;
  /** Seconds for which it was acquired; -1 for ever. */
  readonly duration: number;
  /** When it runs out, in milliseconds since 1970; undefined when never. */
  readonly endsAt?: number;
  /** From when on it is broken; undefined while nobody has broken it. */
  readonly brokenAt?: number;
}
