import { StorageError } from "../errors.ts";
import { childOf, childrenOf, invalidNode, parseDocument, requiredText, textOf } from "../http/requestDocument.ts";
import type { XmlNode } from "../http/requestDocument.ts";
import { toXml } from "../http/xml.ts";
import type { AccessPolicy } from "../records/properties.ts";
import { parseUtcTime } from "./utcTime.ts";

const rootName = "SignedIdentifiers";
const mostPolicies = 5;
const longestId = 64;

/** Parses the stored access policies of a document. An empty document has none. Throws if the document is not valid. */
export async function parsePolicies(text: string): Promise<AccessPolicy[]> {
  if (text.trim() === "") return [];
  const policies = childrenOf(await parseDocument(text, rootName), "SignedIdentifier").map(parsePolicy);
  const ids = new Set(policies.map(({ id }) => id));
  if (policies.length > mostPolicies || ids.size < policies.length) {
    throw new StorageError("InvalidXmlDocument", { subject: "SignedIdentifier" });
  }
  return policies;
}

function parsePolicy(node: XmlNode): AccessPolicy {
  const id = requiredText(node, "Id");
  if (id === "" || id.length > longestId) invalidNode("Id");
  const policy = childOf(node, "AccessPolicy") ?? "";
  const permission = textOf(policy, "Permission") ?? "";
  if (!/^[rcwdl]*$/.test(permission) || new Set(permission).size < permission.length) invalidNode("Permission");
  return { id, start: timeOf(policy, "Start"), expiry: timeOf(policy, "Expiry"), permission };
}

function timeOf(node: XmlNode, name: string): string {
  const text = textOf(node, name) ?? "";
  if (text !== "" && Number.isNaN(parseUtcTime(text))) invalidNode(name);
  return text;
}

/** Returns stored access policies as a document. */
export function policiesXml(policies: readonly AccessPolicy[]): string {
  return toXml(rootName, {
    // The official JavaScript client (12.33.0) fails on a root element without either children or attributes.
    $: { "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance" },
    SignedIdentifier: policies.map(({ id, start, expiry, permission }) => ({
      Id: id,
      AccessPolicy: {
        ...(start === "" ? {} : { Start: start }),
        ...(expiry === "" ? {} : { Expiry: expiry }),
        ...(permission === "" ? {} : { Permission: permission }),
      },
    })),
  });
}
