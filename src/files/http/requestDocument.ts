import { parseXML } from "@azure/core-xml";
import { StorageError } from "../errors.ts";
import type { StorageRequest } from "./request.ts";
import type { StorageResponse } from "./response.ts";

/** Largest document in a request, in bytes. File content is not a document. */
const largestDocument = 256 * 1024;

/** An element of an XML document: its text, or its children by name. */
export type XmlNode = string | { readonly [name: string]: XmlNode | readonly XmlNode[] };

/** Returns the document in the body of a request. Throws if it is too large. */
export async function readDocument(request: StorageRequest, response: StorageResponse): Promise<string> {
  if (request.header("expect") !== undefined) response.writeContinue();
  const chunks: Buffer[] = [];
  let size = 0;
  // Keeps the connection open, so that the client receives the error response.
  for await (const chunk of request.message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestDocument) throw new StorageError("RequestBodyTooLarge");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
}

/** Returns the children of the root element. Throws if the document is not XML, has another root, or has a DOCTYPE. */
export async function parseDocument(text: string, rootName: string): Promise<XmlNode> {
  // Clients do not need entities, and attacks on XML parsers use them.
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw new StorageError("InvalidXmlDocument");
  const document = await parseTree(text);
  const root = document[rootName];
  if (root === undefined) throw new StorageError("InvalidXmlDocument");
  return root;
}

async function parseTree(text: string): Promise<Partial<Record<string, XmlNode>>> {
  try {
    return (await parseXML(text, { includeRoot: true })) as Partial<Record<string, XmlNode>>;
  } catch {
    throw new StorageError("InvalidXmlDocument");
  }
}

/** Returns the child elements with a name; empty if there are none. */
export function childrenOf(node: XmlNode, name: string): readonly XmlNode[] {
  const found = typeof node === "string" || !Object.hasOwn(node, name) ? undefined : node[name];
  if (found === undefined) return [];
  return isList(found) ? found : [found];
}

function isList(value: XmlNode | readonly XmlNode[]): value is readonly XmlNode[] {
  return Array.isArray(value);
}

/** Returns the only child element with a name; undefined if there is none. Throws if there are several. */
export function childOf(node: XmlNode, name: string): XmlNode | undefined {
  const [first, ...others] = childrenOf(node, name);
  if (others.length > 0) throw new StorageError("InvalidXmlDocument", { subject: name });
  return first;
}

/** Returns the trimmed text of the only child element with a name; undefined if there is none. */
export function textOf(node: XmlNode, name: string): string | undefined {
  const child = childOf(node, name);
  const text = typeof child === "object" ? (child._ ?? "") : child;
  if (text !== undefined && typeof text !== "string") invalidNode(name);
  return text?.trim();
}

/** Returns the text of a required child element. */
export function requiredText(node: XmlNode, name: string): string {
  const text = textOf(node, name);
  if (text === undefined) throw new StorageError("MissingRequiredXmlNode", { subject: name });
  return text;
}

/** Returns the boolean value of a required child element. */
export function requiredFlag(node: XmlNode, name: string): boolean {
  const text = requiredText(node, name).toLowerCase();
  if (text !== "true" && text !== "false") invalidNode(name);
  return text === "true";
}

/** Returns the integer in a required child element. */
export function requiredCount(node: XmlNode, name: string, least: number, most: number): number {
  const text = requiredText(node, name);
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least && count <= most)) invalidNode(name);
  return count;
}

/** Rejects the value of an element. */
export function invalidNode(name: string): never {
  throw new StorageError("InvalidXmlNodeValue", { subject: name });
}
