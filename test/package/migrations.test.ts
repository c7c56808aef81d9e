import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { migrations as ofFiles } from "../../src/files/records/migrations.ts";
import { rangesMigrations } from "../../src/files/records/writtenRanges.ts";
import { migrations as ofService } from "../../src/service/state/migrations.ts";

const digestOf = (sql: string): string => createHash("sha256").update(sql).digest("hex").slice(0, 16);

/**
 * Data folders in use have run these statements: another text for the same version would leave them with other tables
 * than new folders. A new version appends its digest here.
 */
describe("released migrations never change", () => {
  it("of batchai.db", () => {
    expect(ofService.map(digestOf)).toEqual([
      "e0ecfa97fad2a976",
      "0259feb18cfc9f89",
      "7f88fb8a4f44a9f2",
      "c6ed674545783608",
      "5822a7505f0c952e",
      "5c0a403938b8a70b",
    ]);
  });

  it("of ranges.db", () => {
    expect(rangesMigrations.map(digestOf)).toEqual(["70f0abfe51f97a93"]);
  });

  it("of properties.db", () => {
    expect(ofFiles.map(digestOf)).toEqual(["a6715cba90bd9c0d", "f19bfaccf123877b"]);
  });
});
