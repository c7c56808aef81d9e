/** Returns the number of virtual cores that a VM size names: `STANDARD_NC6` has 6. */
export function coresOf(vmSize: string): number {
  return Number(/^[a-z]+_[a-z]+(\d+)/i.exec(vmSize)?.[1] ?? 1);
}
