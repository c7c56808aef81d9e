import { readFile } from "node:fs/promises";
import { BatchAIManagementClient as OfficialClient } from "@azure/arm-batchai";
import { beforeAll, describe, expect, it } from "vitest";
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { officialOperations } from "../sdk/officialSpecs.ts";

const operations = officialOperations();
let javaScript: string[][];
let python: string[][];

/** Cells of the rows of the method table below a heading. */
function methodTable(page: string, heading: string): string[][] {
  const [, below = ""] = page.split(`## ${heading}`);
  const [, methods = ""] = below.split("### The methods");
  const [table = ""] = methods.split("\n- ");
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) => row.split("|").map((cell) => cell.trim()));
}

beforeAll(async () => {
  const page = await readFile(new URL("../../docs/migration.md", import.meta.url), "utf8");
  javaScript = methodTable(page, "From `@azure/arm-batchai` 2.2.1");
  python = methodTable(page, "From the Python SDK");
});

const namesIn = (cell: string | undefined): string[] => [...(cell ?? "").matchAll(/`(\w+\.\w+)/g)].map(([, name = ""]) => name);
const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

describe("the migration tables", () => {
  it("name every method of @azure/arm-batchai, next to the one that does the same", () => {
    const before = new OfficialClient({ signRequest: (request) => Promise.resolve(request) }, "s");
    const expected = operations.map(({ group, officialMethod, name }) => {
      const prototype: unknown = Object.getPrototypeOf(before[group as "jobs"]);
      const methods = Object.getOwnPropertyNames(prototype);
      const stem = officialMethod.toLowerCase();
      const same = methods.filter((method) => [stem, `begin${stem}`, `${stem}next`].includes(method.toLowerCase()));
      return [same.map((method) => `${group}.${method}`).sort().join(), name];
    });
    const found = javaScript.map(([, official, ours]) => [namesIn(official).sort().join(), ...namesIn(ours)]);
    expect(found.sort()).toEqual(expected.sort());
    const all = Object.values(before).flatMap((group: unknown) =>
      typeof group === "object" && group !== null && "client" in group
        ? Object.getOwnPropertyNames(Object.getPrototypeOf(group)).filter((method) => method !== "constructor")
        : [],
    );
    expect(javaScript.flatMap(([, official]) => namesIn(official))).toHaveLength(all.length);
  });

  it("name both methods of the Python SDKs, next to the one that does the same", () => {
    // azure-mgmt-batchai 7.0.0b1 was generated without these.
    const missing = ["file_servers.begin_delete", "file_servers.get"];
    const expected = operations.map(({ group, method, name, isLongRunning }) => {
      const seventh = `${snake(group)}.${isLongRunning ? "begin_" : ""}${snake(method)}`;
      return [`${snake(group)}.${snake(method)}`, ...(missing.includes(seventh) ? [] : [seventh]), name];
    });
    const found = python.map(([, second, seventh, ours]) => [...namesIn(second), ...namesIn(seventh), ...namesIn(ours)]);
    expect(found.sort()).toEqual(expected.sort());
  });

  it("name no method of this SDK that there is not", () => {
    const client = new BatchAIManagementClient(tokenCredential("t"), "s");
    const named = [...javaScript, ...python].flatMap((cells) => namesIn(cells.at(-3)));
    expect(named).toHaveLength(2 * 29);
    for (const name of named) expect(client).toHaveProperty(name, expect.any(Function));
  });
});
