/** Gaps in the start of a job, in their order. The service of `crashingAtGap.ts` can crash at each of them. */
export const gaps = [
  "while the volumes and surroundings are prepared",
  "before the handle is stored",
  "after the handle is stored, before the start",
  "while it starts",
  "after the start",
] as const;

export type Gap = (typeof gaps)[number];
