import { glob, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const ignored = /^(node_modules|dist|temp|coverage)\//;
const pages = new Map<string, string>();

beforeAll(async () => {
  for await (const path of glob("**/*.md", { cwd: root, exclude: (name) => ignored.test(`${name}/`) })) {
    pages.set(path, await readFile(join(root, path), "utf8"));
  }
});

const proseOf = (page: string): string => page.replaceAll(/^```.*?^```$/gms, "");

/** Where GitHub lets a link lead to on a page: its headings, and the anchors in its text. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set([...page.matchAll(/<a id="([^"]+)"/g)].map(([, id = ""]) => id));
  const seen = new Map<string, number>();
  for (const [, heading = ""] of proseOf(page).matchAll(/^#+ (.+)$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("\\", "");
    const slug = text.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    anchors.add(times === 0 ? slug : `${slug}-${times}`);
  }
  return anchors;
}

/** Links of a page to other places of this repository that lead nowhere. */
async function brokenLinks(path: string, page: string): Promise<string[]> {
  const broken: string[] = [];
  for (const [, link = ""] of proseOf(page).replaceAll(/`[^`\n]*`/g, "").matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:\/\//.test(link)) continue;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : relative(root, join(root, dirname(path), decodeURIComponent(file)));
    const text = pages.get(target) ?? (await readFile(join(root, target), "utf8").catch(() => undefined));
    if (text === undefined || (anchor !== undefined && !anchorsOf(text).has(anchor))) broken.push(`${path}: ${link}`);
  }
  return broken;
}

describe("the pages of this repository", () => {
  it("are found", () => {
    expect([...pages.keys()]).toEqual(expect.arrayContaining(["README.md", "docs/sdk.md", "docs/reference/Jobs.md"]));
  });

  it("link only to what there is", async () => {
    const broken = await Promise.all([...pages].map(([path, page]) => brokenLinks(path, page)));
    expect(broken.flat()).toEqual([]);
  });

  it("name no place of the machine that they were written on", () => {
    const traces = [...pages].filter(([, page]) => page.includes(root) || /file:\/\/|\/home\/\w/.test(page));
    expect(traces.map(([path]) => path)).toEqual([]);
  });
});
