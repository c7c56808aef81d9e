import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { containersLeft } from "../containers/containersLeft.ts";
import { daemonNames } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { sharedDaemon } from "../containers/sharedBed.ts";
import { titleOf } from "../programs.ts";
import { EmbeddedService } from "../service/embeddedService.ts";
import { recipes, type Recipe } from "./recipes.ts";
import { expectToRun, prepareRecipes } from "./runRecipe.ts";
import { imagePrograms, writeAll } from "./standIns.ts";

const obstacle = containerObstacle();
/** File tree of Debian with Python and Open MPI; see CONTRIBUTING.md. Without it, stand-ins in bash take their places. */
const debian = process.env.BATCHAI_TEST_DEBIAN;
// CI has time for one of them; other tests run both.
const engines = debian === undefined ? daemonNames.slice(0, 1) : daemonNames;

describe.skipIf(obstacle).each(engines)(titleOf("the official recipes in their images with %s", obstacle), (name) => {
  let embedded: EmbeddedService;

  beforeAll(async () => {
    const { socket, address } = await sharedDaemon(name);
    const tree = debian === undefined ? await imageTar({ files: imagePrograms(false) }) : await tarOf(debian);
    const images = new Set(recipes.map(imageOf));
    expect(images.size).toBeGreaterThan(8);
    await loadImage(socket, [...images], tree);
    embedded = await EmbeddedService.start({ containerEngine: address });
    await prepareRecipes(embedded);
  });

  afterAll(async () => {
    await embedded.close();
    const { socket } = await sharedDaemon(name);
    expect(await containersLeft(socket)).toEqual([]);
  });

  it.each(recipes)("$file runs", (recipe) => expectToRun(recipe, embedded));
});

function imageOf({ properties }: Recipe): string {
  const { containerSettings } = properties({ accountName: "account", accountKey: "a2V5" }) as {
    containerSettings: { imageSourceRegistry: { image: string } };
  };
  return containerSettings.imageSourceRegistry.image;
}

/** Returns the file tree of Debian, with stand-ins for what the recipes install. */
async function tarOf(tree: string): Promise<Buffer> {
  await writeAll(tree, imagePrograms(true));
  const options = { encoding: "buffer" as const, maxBuffer: 2 ** 30 };
  return (await promisify(execFile)("tar", ["-C", tree, "--exclude=./var/cache", "-c", "."], options)).stdout;
}
