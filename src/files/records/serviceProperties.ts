import type { SqlRow } from "../../ground/sqlite.ts";
import type { PropertyStore } from "./propertyStore.ts";

/** For how long something is kept. */
export interface RetentionPolicy {
  readonly enabled: boolean;
  /** 1 to 365; only where it is enabled. */
  readonly days?: number;
}

/** What Azure would count about requests; kept and shown, nothing is counted. */
export interface MetricsSettings {
  readonly version: string;
  readonly enabled: boolean;
  readonly includeApis?: boolean;
  readonly retention?: RetentionPolicy;
}

/** Requests that scripts of other web sites may send. */
export interface CorsRule {
  /** Origins as browsers write them, or `*`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Names of headers in lower case; one that ends with `*` stands for all that begin so. */
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly maxAge: number;
}

/** Settings of SMB and NFS; kept and shown, for this endpoint speaks neither. */
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
  /** For how long deleted shares can be restored. */
  readonly shareRetention: RetentionPolicy;
}

/** Days for which anything can be kept at most. */
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
