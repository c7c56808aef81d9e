/** What a usage is counted in. */
export type UsageUnit = "Count" | (string & {});

/** How much of a quota is in use. Answered by `usages.list`; all of it is set by the service. */
export interface Usage {
  /** What it is counted in. */
  readonly unit?: UsageUnit;
  /** How much is in use now. */
  readonly currentValue?: number;
  /** How much may be in use; a negative number is no limit. */
  readonly limit?: number;
  /** What is counted. */
  readonly name?: UsageName;
}

/** What a usage counts; set by the service. */
export interface UsageName {
  /** Name for programs. */
  readonly value?: string;
  /** Name for people. */
  readonly localizedValue?: string;
}
