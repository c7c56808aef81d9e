import { stringifyXML } from "@azure/core-xml";
import type { StorageError } from "../errors.ts";

const byteOrderMark = "\uFEFF";
/** `stringifyXML` removes newlines. This character stands for those that an error message must keep. */
const lineBreak = "\u2028";

/** Key of the text of an element. No metadata name can be the same. */
const textKey = "#text";

/** Characters that XML 1.0 cannot represent, even if escaped. */
// eslint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const unrepresentable = /[\u0000-\u001F\u007F\uFFFE\uFFFF\u2028]/;

/** The text of an XML element, plain or with attributes. */
export type XmlText = string | { readonly $: Readonly<Record<string, string>>; readonly [textKey]: string };

/** Serializes `content` as a document with one root element. */
export function toXml(rootName: string, content: object): string {
  return stringifyXML(content, { rootName, xmlCharKey: textKey, cdataPropName: "#cdata" });
}

/** Serializes elements with one name, without a document around them. */
export function elements(name: string, contents: readonly object[]): Buffer {
  if (contents.length === 0) return Buffer.alloc(0);
  const document = toXml("_", { [name]: contents });
  return Buffer.from(document.slice(document.indexOf("<_>") + 3, -"</_>".length));
}

/** Inserts content into an empty element of a document. Returns the document in pieces. */
export function fillFrame(frame: string, name: string, content: readonly Buffer[]): Buffer[] {
  const [before = "", after = ""] = frame.split(`<${name}/>`);
  return [Buffer.from(`${before}<${name}>`), ...content, Buffer.from(`</${name}>${after}`)];
}

/** Returns the body of an error response, in the form that storage clients parse. */
export function errorXml(error: StorageError, requestId: string, time: Date): string {
  const lines = [error.message, `RequestId:${requestId}`, `Time:${time.toISOString()}`];
  const body = {
    Code: error.code,
    Message: lines.join(lineBreak),
    ...(error.subject === undefined ? {} : { Subject: error.subject }),
  };
  return byteOrderMark + toXml("Error", body).replaceAll(lineBreak, "\n");
}

/** Returns a file name as element text, percent-encoded if XML cannot represent it. */
export function nameXml(name: string): XmlText {
  return unrepresentable.test(name) ? { $: { Encoded: "true" }, [textKey]: encodeURIComponent(name) } : name;
}

/** Returns a path as attributes, percent-encoded if XML cannot represent it. */
export function pathAttributes(attribute: string, path: string): Record<string, string> {
  return unrepresentable.test(path)
    ? { Encoded: "true", [attribute]: encodeURIComponent(path) }
    : { [attribute]: path };
}
