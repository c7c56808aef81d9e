import { describe, expect, it } from "vitest";
import type { DataDisks } from "../../src/models/fileServer.ts";
import {
  always,
  arrayOf,
  freeObject,
  int32,
  mapOf,
  model,
  object,
  oneOf,
  onlyOneOf,
  optional,
  readOnly,
  required,
  string,
  withRows,
} from "../../src/wire/schema.ts";
import { serialize } from "../../src/wire/serialize.ts";
import { validate } from "../../src/wire/validate.ts";

// What this file says is said to the compiler: `tsc` fails when an expected error does not come.

interface Small {
  a: string;
}
interface Large {
  a: string;
  b?: number;
}
interface Holder {
  one?: Small;
  many: Large[];
  readonly labels?: Record<string, string>;
  anything?: Record<string, unknown>;
}

const small = model<Small>("Small", { a: required("a", string) });
const large = model<Large>("Large", { a: required("a", string), b: optional("b", int32()) });

describe("the table of a model", () => {
  it("compiles when it fits the interface", () => {
    const holder = model<Holder>("Holder", {
      one: optional("one", object(small)),
      many: required("many", arrayOf(object(large))),
      labels: readOnly("labels", mapOf(string)),
      anything: optional("anything", freeObject),
    });
    expect(Object.keys(holder.properties)).toEqual(["one", "many", "labels", "anything"]);
  });

  it("does not compile when a property is missing on either side", () => {
    // @ts-expect-error: `a` has no row
    model<Small>("Small", {});
    // @ts-expect-error: `b` is no property
    const tooLarge = model<Small>("Small", { a: required("a", string), b: required("b", string) });
    expect("b" in tooLarge.properties).toBe(true);
  });

  it("does not compile when a row is of the wrong kind", () => {
    const disks = model<DataDisks>("DataDisks", {
      // @ts-expect-error: a word is missing
      cachingType: optional("cachingType", onlyOneOf("none", "readonly"), "none"),
      // @ts-expect-error: has to be given
      diskCount: optional("diskCount", int32()),
      // @ts-expect-error: is a number
      diskSizeInGB: required("diskSizeInGB", string),
      // @ts-expect-error: a word is misspelt
      storageAccountType: required("storageAccountType", oneOf("Standard_LRS", "Premium_LSR")),
    });
    const holder = model<Holder>("Holder", {
      // @ts-expect-error: another model
      one: optional("one", object(large)),
      // @ts-expect-error: another model
      many: required("many", arrayOf(object(small))),
      // @ts-expect-error: is read-only
      labels: optional("labels", mapOf(string)),
      // @ts-expect-error: is an object
      anything: optional("anything", string),
    });
    // @ts-expect-error: an open enumeration for a closed one
    const closed = model<{ c: "x" | "y" }>("Closed", { c: required("c", oneOf("x", "y")) });
    // @ts-expect-error: the default is none of the words
    optional("cachingType", onlyOneOf("none", "readonly"), "nothing");
    expect([disks.name, holder.name, closed.name]).toEqual(["DataDisks", "Holder", "Closed"]);
  });

  it("knows what every response contains, which requests ignore", () => {
    interface Returned {
      readonly id: string;
      readonly time?: string;
    }
    const returned = model<Returned>("Returned", { id: always("id", string), time: readOnly("time", string) });
    expect(returned.always.map(([name]) => name)).toEqual(["id"]);
    expect(validate(returned, {}, { view: "model", path: "" })).toEqual([]);
    expect(serialize(returned, { id: "/i" }, { request: true })).toEqual({});
    const wrong = model<Returned>("Returned", {
      // @ts-expect-error: every response contains it
      id: readOnly("id", string),
      // @ts-expect-error: a response can lack it
      time: always("time", string),
    });
    // @ts-expect-error: only the service sets it
    const sent = model<{ readonly id: string }>("Sent", { id: required("id", string) });
    // @ts-expect-error: requests set it
    const set = model<Small>("Small", { a: always("a", string) });
    expect([wrong.name, sent.name, set.name]).toEqual(["Returned", "Sent", "Small"]);
  });

  it("compiles with shared rows when both together fit the interface", () => {
    const shared = { a: required("a", string) };
    const b = optional("b", int32());
    const whole = model<Large>("Large", withRows([shared], { b }));
    expect(Object.keys(whole.properties)).toEqual(["a", "b"]);
    // @ts-expect-error: `b` has no row
    model<Large>("Large", withRows([shared], {}));
    // @ts-expect-error: `c` is no property
    const tooLarge = model<Large>("Large", withRows([shared], { b, c: optional("c", string) }));
    // @ts-expect-error: the shared row has to be given
    const wrongKind = model<Large>("Large", withRows([{ a: optional("a", string) }], { b }));
    expect(["c" in tooLarge.properties, wrongKind.properties.a?.required]).toEqual([true, false]);
  });
});
