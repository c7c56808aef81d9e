import type { SqlRow } from "../../ground/sqlite.ts";
import type { PropertyStore } from "./propertyStore.ts";

/** Retention of deleted items or of metrics. */
export interface RetentionPolicy {
  readonly enabled: boolean;
  /** 1 to 365. Absent if retention is disabled. */
  readonly days?: number;
}

/** Settings of request metrics. They are stored, but no metrics are collected. */
export interface MetricsSettings {
  readonly version: string;
  readonly enabled: boolean;
  readonly includeApis?: boolean;
  readonly retention?: RetentionPolicy;
}

/** Requests that scripts of other websites may send. */
export interface CorsRule {
  /** Origins as browsers send them, or `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Names of headers in lowercase. A name that ends in `*` matches all names with that prefix. */
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly maxAge: number;
}

/** Settings of SMB and NFS. They are stored but have no effect, because this endpoint supports neither protocol. */
export interface ProtocolSettings {
  readonly multichannel?: boolean;
  readonly smbEncryption?: boolean;
  readonly nfsEncryption?: boolean;
}

/** Settings of an account's file service. */
export interface ServiceProperties {
  readonly hourMetrics: MetricsSettings;
  readonly minuteMetrics: MetricsSettings;
  readonly cors: readonly CorsRule[];
  readonly protocol: ProtocolSettings;
  /** Retention of deleted shares. */
  readonly shareRetention: RetentionPolicy;
}

/** Largest number of days of a retention policy. */
export const longestRetention = 365;
const noMetrics: MetricsSettings = { version: "1.0", enabled: false, retention: { enabled: false } };
const defaults: Omit<ServiceProperties, "shareRetention"> = {
  hourMetrics: noMetrics,
  minuteMetrics: noMetrics,
  cors: [],
  protocol: {},
};

/** The store of settings, and the retention of accounts that have not set one. */
interface Settings {
  readonly properties: PropertyStore;
  /** Days for which deleted shares are kept by default. */
  readonly retentionDays: number;
}

/** Returns the settings of an account's file service. */
export function servicePropertiesOf({ properties, retentionDays }: Settings, accountName: string): ServiceProperties {
  const shareRetention = retentionDays === 0 ? { enabled: false } : { enabled: true, days: retentionDays };
  return { ...defaults, shareRetention, ...storedSettings(properties, accountName) };
}

/** Returns the CORS rules of an account. */
export function corsRulesOf({ properties }: Pick<Settings, "properties">, accountName: string): readonly CorsRule[] {
  return storedSettings(properties, accountName).cors ?? defaults.cors;
}

/** Returns the number of days for which a deleted share of the account is kept; 0 if it is deleted immediately. */
export function retentionDaysOf(settings: Settings, accountName: string): number {
  const { enabled, days = 0 } = servicePropertiesOf(settings, accountName).shareRetention;
  return enabled ? days : 0;
}

/** Stores settings of an account's file service. Settings that `changed` does not have are left unchanged. */
export function setServiceProperties(
  { properties }: Pick<Settings, "properties">,
  accountName: string,
  changed: Partial<ServiceProperties>,
): void {
  const next = { ...storedSettings(properties, accountName), ...changed };
  properties.flushed(() => {
    properties.run("INSERT OR REPLACE INTO services VALUES (?, ?)", accountName, JSON.stringify(next));
  });
  allStoredSettings(properties).set(accountName, next);
}

const nothingStored: Partial<ServiceProperties> = {};

function storedSettings(properties: PropertyStore, accountName: string): Partial<ServiceProperties> {
  return allStoredSettings(properties).get(accountName) ?? nothingStored;
}

/** Stored settings of all accounts, kept in memory because every request needs those of its account. */
const settingsByStore = new WeakMap<PropertyStore, Map<string, Partial<ServiceProperties>>>();

function allStoredSettings(store: PropertyStore): Map<string, Partial<ServiceProperties>> {
  let settings = settingsByStore.get(store);
  if (settings === undefined) {
    settings = new Map(store.all("SELECT account, properties FROM services").map(settingsFromRow));
    settingsByStore.set(store, settings);
  }
  return settings;
}

function settingsFromRow({ account, properties }: SqlRow): [account: string, settings: Partial<ServiceProperties>] {
  return [String(account), JSON.parse(String(properties)) as Partial<ServiceProperties>];
}
