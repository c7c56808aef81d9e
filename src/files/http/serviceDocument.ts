import { StorageError } from "../errors.ts";
import { longestRetention } from "../records/serviceProperties.ts";
import type {
  CorsRule,
  MetricsSettings,
  ProtocolSettings,
  RetentionPolicy,
  ServiceProperties,
} from "../records/serviceProperties.ts";
import {
  childOf,
  childrenOf,
  invalidNode,
  parseDocument,
  requiredCount,
  requiredFlag,
  requiredText,
  textOf,
} from "./requestDocument.ts";
import type { XmlNode } from "./requestDocument.ts";
import { toXml } from "./xml.ts";

const rootName = "StorageServiceProperties";
const mostRules = 5;
const mostOrigins = 64;
const corsMethods = ["DELETE", "GET", "HEAD", "MERGE", "POST", "OPTIONS", "PUT", "PATCH", "CONNECT", "TRACE"];
/**
 * Parses the settings in a document. Settings that it does not contain are absent. Throws if the document is not valid.
 */
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

/** `_` and `$` are the text and the attributes of an element. */
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

/** Returns the settings as a document. */
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

/** Multichannel is always present, as in Azure. The Python client requires it. */
function protocolElements({ multichannel = false, smbEncryption, nfsEncryption }: ProtocolSettings): object {
  const smb = {
    Multichannel: { Enabled: String(multichannel) },
    ...(smbEncryption === undefined ? {} : { EncryptionInTransit: { Required: String(smbEncryption) } }),
  };
  const nfs = nfsEncryption === undefined ? {} : { EncryptionInTransit: { Required: String(nfsEncryption) } };
  return { ProtocolSettings: { SMB: smb, ...(Object.keys(nfs).length === 0 ? {} : { NFS: nfs }) } };
}
