import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";

it("docs/sdk.md describes every code of the SDK itself", async () => {
  const models = await readFile("src/models/error.ts", "utf8");
  const union = /export type SdkErrorCode =([^;]+);/.exec(models)?.[1] ?? "";
  const codes = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  const page = await readFile("docs/sdk.md", "utf8");
  const table = page.slice(page.indexOf("Codes of the SDK itself"), page.indexOf("## Validation"));
  const described = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, cell = ""]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
  expect(codes.length).toBeGreaterThan(5);
  expect(described.sort()).toEqual(codes.sort());
});
