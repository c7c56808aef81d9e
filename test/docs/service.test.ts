import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { errorTable } from "../../src/service/arm/errors.ts";

it("docs/service.md lists the errors of the API as the service answers them", async () => {
  const text = await readFile(new URL("../../docs/service.md", import.meta.url), "utf8");
  const [, table = ""] = text.split("## Errors of the API");
  const documented = [...table.matchAll(/^\| `(\w+)` \| (\d+) \| (.+) \|$/gm)].map((row) => row.slice(1));
  const actual = Object.entries(errorTable).map(([code, { status, retryable }]) => {
    return [code, String(status), retryable ? "may succeed" : "fails again"];
  });
  expect(documented).toEqual(actual);
});
