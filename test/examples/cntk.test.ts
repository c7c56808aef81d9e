import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CNTK_IMAGE } from "../../examples/quickstart/cntkImage.ts";
import { ContainerBed } from "../containers/containerBed.ts";
import { containerObstacle } from "../containers/containerObstacle.ts";
import { type ContainerDaemon, daemonNames } from "../containers/daemons.ts";
import { imageTar, loadImage } from "../containers/images.ts";
import { titleOf } from "../programs.ts";
import { QuickstartRuns } from "./quickstartRuns.ts";

/**
 * Stands in for Python with CNTK: prints what CNTK prints and saves a model. A script whose first line is `fail` fails.
 */
const python = `#!/bin/sh
  read -r order < "$1"
  [ "$order" != fail ] || { echo "No module named cntk" >&2; exit 3; }
  [ -f "$2/Train-28x28_cntk_text.txt" ] || exit 4
  echo "The arguments after the folders: $4 $5"
  echo "Finished Epoch[1 of 1]: [Training] loss = 0.203941 * 60000, metric = 5.92% * 60000 2.0s (29970.0 samples/s);"
  echo "Finished Evaluation [1]: Minibatch[1-10]: metric = 0.75% * 10000;"
  echo model > "$3/ConvNet_MNIST_0.dnn"
`;

let runs: QuickstartRuns;
beforeEach(async () => {
  runs = await QuickstartRuns.open();
});
afterEach(() => runs.close());

describe("the article's own job, without its container", () => {
  const startHere = async (...parameters: string[]) => {
    await writeFile(join(runs.folder, "python"), python, { mode: 0o755 });
    const path = `${runs.folder}:${process.env.PATH ?? ""}`;
    return runs.start(["--cntk", "--samples", "100", "--ignore-container-settings", ...parameters], { PATH: path });
  };

  it("runs the script of the quickstart with its arguments and reads CNTK's report", async () => {
    const { exitCode, stdout, stderr } = await (await startHere()).finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ {3}ConvNet_MNIST\.py +100 % of /m);
    expect(stdout).toMatch(/^ {3}The arguments after the folders: *$/m);
    expect(stdout).toMatch(/^ {3}Epoch 1 of 1: loss 0\.2039, accuracy on the training images 94\.1 %$/m);
    expect(stdout).toMatch(/^test accuracy: 99\.3 %\nThe model is in .*ConvNet_MNIST_0\.dnn\n$/m);
  });

  it("passes the number of epochs to a script of your own, and says why it failed", async () => {
    const script = join(runs.folder, "mine.py");
    await writeFile(script, "train\n");
    const { stdout } = await (await startHere("--cntk-script", "mine.py", "--epochs", "7")).finished;
    expect(stdout).toContain("The arguments after the folders: --epochs 7\n");

    await writeFile(script, "fail\n");
    const { exitCode, stderr } = await (await startHere("--cntk-script", "mine.py")).finished;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Job myjob failed with exit code 3\. JobFailed: .*\n(.*\n)*No module named cntk\n$/m);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it("says how to get the container", async () => {
    const variables = { BATCHAI_CONTAINER_ENGINE: "none" };
    const { exitCode, stderr } = await runs.start(["--cntk", "--samples", "100"], variables).finished;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^Job myjob failed\. FailedStartingContainer: /m);
    expect(stderr).toContain(`  sudo docker import /var/tmp/cntk.tar ${CNTK_IMAGE}\n`);
  });
});

describe.each(daemonNames)("the article's own job in %s", (name) => {
  const obstacle = containerObstacle();
  const archive = process.env.BATCHAI_TEST_CNTK ?? "";
  const cntkObstacle =
    obstacle ?? (existsSync(archive) ? undefined : "BATCHAI_TEST_CNTK names no archive of scripts/buildCntkImage.sh");
  let bed: ContainerBed;
  let daemon: ContainerDaemon;
  beforeAll(async () => {
    if (obstacle) return;
    bed = new ContainerBed();
    daemon = await bed.daemon(name);
  });
  afterAll(async () => {
    if (!obstacle) await bed.close();
  });

  it.skipIf(obstacle)(titleOf("runs in its image, with a stand-in for Python and CNTK", obstacle), async () => {
    await loadImage(daemon.socket, CNTK_IMAGE, await imageTar({ files: { "/usr/bin/python": python } }));
    const variables = { BATCHAI_CONTAINER_ENGINE: daemon.address };
    const { exitCode, stdout, stderr } = await runs.start(["--cntk", "--samples", "100"], variables).finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ {3}Job succeeded, exit code 0\.$/m);
    expect(stdout).toMatch(/^ {3}MODEL {6}ConvNet_MNIST_0\.dnn, 6 B$/m);
    expect(stdout).toMatch(/^test accuracy: 99\.3 %\nThe model is in .*ConvNet_MNIST_0\.dnn\n$/m);
  });

  // Two epochs of CNTK take two minutes on two cores.
  it.skipIf(cntkObstacle)(titleOf("trains with CNTK 2.7", cntkObstacle), { timeout: 900_000 }, async () => {
    await loadImage(daemon.socket, CNTK_IMAGE, await readFile(archive));
    const { exitCode, stdout, stderr } = await runs.start(["--cntk"], {
      BATCHAI_CONTAINER_ENGINE: daemon.address,
    }).finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toMatch(/^ {3}CNTK 2\.7 on CPU$/m);
    expect(stdout).toMatch(/^ {3}Finished Epoch\[2 of 2\]: \[Training\] .* samples\/s\);$/m);
    const accuracy = Number(/^test accuracy: ([\d.]+) %$/m.exec(stdout)?.[1]);
    expect(accuracy).toBeGreaterThan(97);
    const output = join(runs.folder, ".batchai", "quickstart", "output");
    expect(await readdir(output)).toEqual(expect.arrayContaining(["ConvNet_MNIST_0.dnn", "ConvNet_MNIST_1.dnn"]));
  });
});
