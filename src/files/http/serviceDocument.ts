import type { SqlRow } from "../../ground/sqlite.ts";
import { childOf, childrenOf, parseDocument, requiredCount, requiredFlag, requiredText, textOf } from "./body.ts";
import type { XmlNode } from "./body.ts";
import { StorageError } from "../errors.ts";
import type { PropertyStore } from "../records/properties.ts";
import type { Storage } from "../shares/storage.ts";
import { toXml } from "./xml.ts";

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

const rootName = "StorageServiceProperties";
const mostRules = 5;
const mostOrigins = 64;
/** Days for which anything can be kept at most. */
export const longestRetention = 365;
const corsMethods = ["DELETE", "GET", "HEAD", "MERGE", "POST", "OPTIONS", "PUT", "PATCH", "CONNECT", "TRACE"];
const noMetrics: MetricsSettings = { version: "1.0", enabled: false, retention: { enabled: false } };
const defaults: Omit<ServiceProperties, "shareRetention"> = {
  hourMetrics: noMetrics,
  minuteMetrics: noMetrics,
  cors: [],
  protocol: {},
};

/** Where settings are stored. */
type Settings = Pick<Storage, "properties" | "retentionDays">;

/** Settings of an account's file service. */
export function servicePropertiesOf({ properties, retentionDays }: Settings, accountName: string): ServiceProperties {
  const shareRetention = retentionDays === 0 ? { enabled: false } : { enabled: true, days: retentionDays };
  return { ...defaults, shareRetention, ...storedProperties({ properties }, accountName) };
}

function storedProperties(
  { properties }: Pick<Storage, "properties">,
  accountName: string,
): Partial<ServiceProperties> {
  return settingsIn(properties).get(accountName) ?? {};
}

/** The settings of all accounts: every request asks for those of its own. */
const known = new WeakMap<PropertyStore, Map<string, Partial<ServiceProperties>>>();

function settingsIn(store: PropertyStore): Map<string, Partial<ServiceProperties>> {
  const found = known.get(store) ?? new Map(store.all("SELECT account, properties FROM services").map(settingsOf));
  known.set(store, found);
  return found;
}

function settingsOf({ account, properties }: SqlRow): [account: string, settings: Partial<ServiceProperties>] {
  return [String(account), JSON.parse(String(properties)) as Partial<ServiceProperties>];
}

/** Stores settings of an account's file service; what `changed` does not have stays. */
export function setServiceProperties(
  storage: Pick<Storage, "properties">,
  accountName: string,
  changed: Partial<ServiceProperties>,
): void {
  const next = { ...storedProperties(storage, accountName), ...changed };
  storage.properties.flushed(() => {
    storage.properties.run("INSERT OR REPLACE INTO services VALUES (?, ?)", accountName, JSON.stringify(next));
  });
  settingsIn(storage.properties).set(accountName, next);
}

/** Days for which a deleted share of the account is kept; 0 when it is not. */
export function retentionDaysOf(storage: Settings, accountName: string): number {
  const { enabled, days = 0 } = servicePropertiesOf(storage, accountName).shareRetention;
  return enabled ? days : 0;
}

/** Reads the settings in a document; those that it does not mention are absent. Throws when it is not valid. */
export async function parseServiceProperties(text: string): Promise<Partial<ServiceProperties>> {
  const root = await parseDocument(text, rootName);
  const known = ["HourMetrics", "MinuteMetrics", "Cors", "ProtocolSettings", "ShareDeleteRetentionPolicy"];
  const unknown = typeof root === "string" ? undefined : Object.keys(root).find((name) => !isKnown(name, known));
  if (unknown !== undefined) throw new StorageError("UnsupportedXmlNode", { subject: unknown });
  const read = <T>(name: string, parse: (node: XmlNode) => T): T | undefined => {
    const node = childOf(root, name);
    return node === undefined ? undefined : parse(node);
  };
  const found = {
    hourMetrics: read("HourMetrics", parseMetrics),
    minuteMetrics: read("MinuteMetrics", parseMetrics),
    cors: read("Cors", parseCors),
    protocol: read("ProtocolSettings", parseProtocol),
    shareRetention: read("ShareDeleteRetentionPolicy", parseRetention),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** Text and attributes of an element stand beside its children. */
function isKnown(name: string, known: readonly string[]): boolean {
  return name === "_" || name === "$" || known.includes(name);
}

function parseMetrics(node: XmlNode): MetricsSettings {
  const enabled = requiredFlag(node, "Enabled");
  const retention = childOf(node, "RetentionPolicy");
  return {
    version: textOf(node, "Version") ?? "1.0",
    enabled,
    ...(enabled ? { includeApis: requiredFlag(node, "IncludeAPIs") } : {}),
    ...(retention === undefined ? {} : { retention: parseRetention(retention) }),
  };
}

function parseRetention(node: XmlNode): RetentionPolicy {
  const enabled = requiredFlag(node, "Enabled");
  return enabled ? { enabled, days: requiredCount(node, "Days", 1, longestRetention) } : { enabled };
}

function parseCors(node: XmlNode): CorsRule[] {
  const rules = childrenOf(node, "CorsRule").map(parseRule);
  if (rules.length > mostRules) throw new StorageError("InvalidXmlDocument", { subject: "Cors" });
  return rules;
}

function parseRule(node: XmlNode): CorsRule {
  const methods = wordsOf(node, "AllowedMethods").map((method) => method.toUpperCase());
  const origins = wordsOf(node, "AllowedOrigins");
  if (methods.length === 0 || !methods.every((method) => corsMethods.includes(method))) invalidNode("AllowedMethods");
  if (origins.length === 0 || origins.length > mostOrigins) invalidNode("AllowedOrigins");
  return {
    origins,
    methods,
    allowedHeaders: wordsOf(node, "AllowedHeaders").map((name) => name.toLowerCase()),
    exposedHeaders: wordsOf(node, "ExposedHeaders").map((name) => name.toLowerCase()),
    maxAge: requiredCount(node, "MaxAgeInSeconds", 0, 2_147_483_647),
  };
}

function wordsOf(node: XmlNode, name: string): string[] {
  const text = requiredText(node, name);
  if (text.length > 2048 * 8) invalidNode(name);
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function invalidNode(name: string): never {
  throw new StorageError("InvalidXmlNodeValue", { subject: name });
}

function parseProtocol(node: XmlNode): ProtocolSettings {
  const smb = childOf(node, "SMB");
  const nfs = childOf(node, "NFS");
  const flag = (parent: XmlNode | undefined, name: string, child: string): boolean | undefined => {
    const found = parent === undefined ? undefined : childOf(parent, name);
    return found === undefined ? undefined : requiredFlag(found, child);
  };
  return {
    multichannel: flag(smb, "Multichannel", "Enabled"),
    smbEncryption: flag(smb, "EncryptionInTransit", "Required"),
    nfsEncryption: flag(nfs, "EncryptionInTransit", "Required"),
  };
}

/** The settings as a document. */
export function servicePropertiesXml(properties: ServiceProperties): string {
  const { shareRetention } = properties;
  return toXml(rootName, {
    HourMetrics: metricsElements(properties.hourMetrics),
    MinuteMetrics: metricsElements(properties.minuteMetrics),
    Cors: { CorsRule: properties.cors.map(ruleElements) },
    ...protocolElements(properties.protocol),
    ...(shareRetention.enabled ? { ShareDeleteRetentionPolicy: retentionElements(shareRetention) } : {}),
  });
}

function metricsElements({ version, enabled, includeApis, retention }: MetricsSettings): object {
  return {
    Version: version,
    Enabled: String(enabled),
    ...(includeApis === undefined ? {} : { IncludeAPIs: String(includeApis) }),
    RetentionPolicy: retentionElements(retention ?? { enabled: false }),
  };
}

function retentionElements({ enabled, days }: RetentionPolicy): object {
  return { Enabled: String(enabled), ...(days === undefined ? {} : { Days: String(days) }) };
}

function ruleElements(rule: CorsRule): object {
  return {
    AllowedMethods: rule.methods.join(","),
    AllowedOrigins: rule.origins.join(","),
    AllowedHeaders: rule.allowedHeaders.join(","),
    ExposedHeaders: rule.exposedHeaders.join(","),
    MaxAgeInSeconds: String(rule.maxAge),
  };
}

/** As in Azure, multichannel is always there; the Python client cannot do without. */
function protocolElements({ multichannel = false, smbEncryption, nfsEncryption }: ProtocolSettings): object {
  const smb = {
    Multichannel: { Enabled: String(multichannel) },
    ...(smbEncryption === undefined ? {} : { EncryptionInTransit: { Required: String(smbEncryption) } }),
  };
  const nfs = nfsEncryption === undefined ? {} : { EncryptionInTransit: { Required: String(nfsEncryption) } };
  return { ProtocolSettings: { SMB: smb, ...(Object.keys(nfs).length === 0 ? {} : { NFS: nfs }) } };
}
