import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { EmbeddedService } from "../service/embeddedService.ts";
import { missingPrograms, reasonOf, titleOf } from "../programs.ts";
import { azJobCreate } from "./azJobCreate.ts";
import { recipes } from "./recipes.ts";
import { expectToRun, prepareRecipes } from "./runRecipe.ts";
import { writePrograms } from "./standIns.ts";

/** The published job files, where a developer has them; see CONTRIBUTING.md. */
const originals = process.env.BATCHAI_RECIPES ?? join(import.meta.dirname, "../../../shared/reference/recipes/recipes");
const withoutOriginals = existsSync(originals) ? undefined : `${originals} does not exist`;

describe.skipIf(withoutOriginals)(titleOf("the requests of the recipes", withoutOriginals), () => {
  it.each(recipes)("are those of $file", async ({ file, properties }) => {
    const account = { accountName: "account", accountKey: "a2V5" };
    expect(properties(account)).toEqual(azJobCreate(await readFile(join(originals, file), "utf8"), account));
  });
});

const lack = reasonOf(missingPrograms(["python3", "mpirun"]));

describe.skipIf(lack)(titleOf("the official recipes", lack), () => {
  let programs: string;
  let embedded: EmbeddedService;

  beforeAll(async () => {
    programs = await mkdtemp(join(tmpdir(), "batchai-programs-"));
    await writePrograms(programs);
    vi.stubEnv("PATH", `${programs}:${process.env.PATH ?? ""}`);
    embedded = await EmbeddedService.start({ ignoreContainerSettings: true });
    await prepareRecipes(embedded);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    await embedded.close();
    await rm(programs, { recursive: true, force: true });
  });

  it.each(recipes)("$file runs", (recipe) => expectToRun(recipe, embedded));
});
