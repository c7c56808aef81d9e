/** Unit of a usage. */
export type UsageUnit = "Count" | (string & {});

/** Usage of a quota. Returned by `usages.list`; all properties are set by the service. */
export interface Usage {
  /** Unit of the numbers. */
  readonly unit?: UsageUnit;
  /** Current usage. */
  readonly currentValue?: number;
  /** Maximum usage; a negative number means that there is no limit. */
  readonly limit?: number;
  /** Name of the quota. */
  readonly name?: UsageName;
}

/** Name of a quota; all properties are set by the service. */
export interface UsageName {
  /** Name for programs. */
  readonly value?: string;
  /** Name for people. */
  readonly localizedValue?: string;
}
