import { globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

/** The files that each file imports, by path. */
type Imports = ReadonlyMap<string, readonly string[]>;

/** Reads the relative imports of all files in a folder, including those of types and those made at run time. */
function importsIn(folder: string): Imports {
  const files = globSync(`${folder}/**/*.ts`).sort();
  return new Map(files.map((file) => [file, importsOf(file, readFileSync(file, "utf8"))]));
}

function importsOf(file: string, text: string): string[] {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
    .map(({ fileName }) => posix.join(posix.dirname(file), fileName));
}

/**
 * Finds the circles of imports: groups of files in which each file leads to each other one. Each group is one line, such
 * as `a.ts -> b.ts -> a.ts`, that shows one shortest way round for its first file, and then names the rest of the group.
 */
function circlesIn(imports: Imports): string[] {
  const reached = new Map([...imports.keys()].map((file) => [file, reachableFrom(file, imports)]));
  const leadsTo = (from: string, to: string): boolean => reached.get(from)?.has(to) === true;
  const circles: string[] = [];
  const seen = new Set<string>();
  for (const file of imports.keys()) {
    if (seen.has(file) || !leadsTo(file, file)) continue;
    const group = [...imports.keys()].filter((other) => leadsTo(file, other) && leadsTo(other, file));
    group.forEach((member) => seen.add(member));
    const circle = shortestCircle(file, imports);
    const rest = group.filter((member) => !circle.includes(member));
    circles.push(circle.join(" -> ") + (rest.length === 0 ? "" : ` (also ${rest.join(", ")})`));
  }
  return circles;
}

/** Returns all files to which the imports of a file lead. The file itself is among them only if it is in a circle. */
function reachableFrom(file: string, imports: Imports): Set<string> {
  const found = new Set<string>();
  const next = [...(imports.get(file) ?? [])];
  for (let target = next.pop(); target !== undefined; target = next.pop()) {
    if (found.has(target)) continue;
    found.add(target);
    next.push(...(imports.get(target) ?? []));
  }
  return found;
}

function shortestCircle(file: string, imports: Imports): string[] {
  let paths = [[file]];
  const visited = new Set<string>();
  while (paths.length > 0) {
    const longer = paths.flatMap((path) => (imports.get(path.at(-1) ?? "") ?? []).map((target) => [...path, target]));
    const circle = longer.find((path) => path.at(-1) === file);
    if (circle !== undefined) return circle;
    paths = longer.filter((path) => !visited.has(path.at(-1) ?? "") && visited.add(path.at(-1) ?? ""));
  }
  return [file];
}

describe("imports", () => {
  it("form no circle in src, not even one of types", () => {
    const imports = importsIn("src");
    expect(imports.get("src/index.ts")).toContain("src/client.ts");
    const unknown = [...imports.values()].flat().filter((file) => !imports.has(file));
    expect(unknown, "imports that lead to no file").toEqual([]);
    expect(circlesIn(imports), "circles of imports").toEqual([]);
  });

  it("are read from every kind of import", () => {
    const text = `
      import { a } from "./a.ts";
      import type { B } from "../b.ts";
      export * from "./c.ts";
      export type { D } from "./d.ts";
      import "./e.ts";
      type F = import("./f.ts").F;
      const g = await import("./g.ts");
      import { join } from "node:path";
      // import { h } from "./h.ts";
    `;
    expect(importsOf("src/made-up/file.ts", text)).toEqual([
      "src/made-up/a.ts",
      "src/b.ts",
      "src/made-up/c.ts",
      "src/made-up/d.ts",
      "src/made-up/e.ts",
      "src/made-up/f.ts",
      "src/made-up/g.ts",
    ]);
  });
});

describe("a circle of imports", () => {
  const imports = (graph: Record<string, string[]>): Imports => new Map(Object.entries(graph));

  it("is found and named, however long it is", () => {
    expect(circlesIn(imports({ a: ["b"], b: ["a"] }))).toEqual(["a -> b -> a"]);
    expect(circlesIn(imports({ a: ["b"], b: ["c", "d"], c: ["e"], d: [], e: ["b"] }))).toEqual(["b -> c -> e -> b"]);
    expect(circlesIn(imports({ a: ["a"] }))).toEqual(["a -> a"]);
  });

  it("is told apart from others, and named once with all of its files", () => {
    const twoCircles = { a: ["b"], b: ["a", "c"], c: ["d"], d: ["c"] };
    expect(circlesIn(imports(twoCircles))).toEqual(["a -> b -> a", "c -> d -> c"]);
    const joined = { a: ["b", "c"], b: ["a"], c: ["d"], d: ["a"] };
    expect(circlesIn(imports(joined))).toEqual(["a -> b -> a (also c, d)"]);
  });

  it("is not seen where two ways lead to the same file", () => {
    expect(circlesIn(imports({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }))).toEqual([]);
  });
});
