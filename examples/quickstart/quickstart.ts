// The article "Run a CNTK training job using the Azure SDK" of 2018, step by step, in TypeScript. See README.md. Run it
// with `npm run quickstart`, or `node examples/quickstart/quickstart.ts`.

import { readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
// In your own project: from "batchai" and "batchai/transfer".
import {
  type ClusterCreateParameters,
  isBatchAIError,
  type JobCreateParameters,
  JobFailedError,
} from "../../src/index.ts";
import { downloadOutputDirectory } from "../../src/transfer/index.ts";
import { CNTK_IMAGE, howToProvide, lacksContainer } from "./cntkImage.ts";
import { readConfiguration } from "./configuration.ts";
import { connect } from "./connection.ts";
import { say, shortPath, size } from "./console.ts";
import { runInterruptible } from "./interruptible.ts";
import { endJob, filesOf } from "./job.ts";
import { deleteLeftovers } from "./leftovers.ts";
import { writeMnist } from "./mnist.ts";
import { ProgressBar } from "./progressBar.ts";
import { evaluate, newest, TRAINER } from "./trainer.ts";
import { epochsIn, testAccuracyIn } from "./trainingLog.ts";

await runInterruptible(async ({ step, signal, atEnd, ifCutShort }) => {
  const configuration = readConfiguration();
  const { resourceGroup, location, cntkScript } = configuration;

  step("Connect to Batch AI");
  const connection = await connect(configuration);
  atEnd(() => connection.close());
  const { batchAI, resources, files, storageAccountName, storageAccountKey } = connection;
  say(`This is ${connection.description}.`);

  step(`Create the resource group ${resourceGroup}`);
  const isOurGroup = connection.isEmbedded || !(await resources.resourceGroups.checkExistence(resourceGroup)).body;
  await resources.resourceGroups.createOrUpdate(resourceGroup, { location });

  step("Get MNIST in CNTK text format");
  const mnist = await writeMnist(join(configuration.folder, "mnist"), { samples: configuration.samples });
  say(`${mnist.reused ? "Already written by an earlier run" : "Written"}: ${shortPath(mnist.train)}`);
  say(`and ${shortPath(mnist.test)}`);

  step("Create the file share batchaiquickstart and upload data and training script");
  const share = files.getShareClient("batchaiquickstart");
  await share.createIfNotExists();
  const directory = share.getDirectoryClient("mnistcntksample");
  await directory.createIfNotExists();
  for (const path of [mnist.train, mnist.test, cntkScript ?? TRAINER]) {
    const bar = new ProgressBar(basename(path), (await stat(path)).size);
    await directory.getFileClient(basename(path)).uploadFile(path, {
      abortSignal: signal,
      onProgress: ({ loadedBytes }) => bar.update(loadedBytes),
    });
    bar.finish();
  }

  step("Create the workspace myworkspace");
  await batchAI.workspaces.create(resourceGroup, "myworkspace", { location });
  await deleteLeftovers(batchAI, resourceGroup);

  step("Create the cluster mycluster");
  const parameters: ClusterCreateParameters = {
    vmSize: configuration.vmSize,
    scaleSettings: { manual: { targetNodeCount: 1 } },
    userAccountSettings: {
      adminUserName: configuration.adminUserName,
      adminUserPassword: configuration.adminUserPassword,
    },
    nodeSetup: {
      mountVolumes: {
        azureFileShares: [
          {
            accountName: storageAccountName,
            azureFileUrl: `https://${storageAccountName}.file.core.windows.net/batchaiquickstart`,
            credentials: { accountKey: storageAccountKey },
            relativeMountPath: "azurefileshare",
          },
        ],
      },
    },
  };
  const cluster = await batchAI.clusters.create(resourceGroup, "myworkspace", "mycluster", parameters, {
    abortSignal: signal,
  });

  step("Wait for its node");
  await batchAI.clusters.waitForNodes(resourceGroup, "myworkspace", "mycluster", {
    abortSignal: signal,
    onProgress: ({ cluster: { allocationState, currentNodeCount }, wantedNodeCount, nodeStateCounts }) => {
      const { idleNodeCount, preparingNodeCount, unusableNodeCount } = nodeStateCounts;
      say(
        `Cluster is ${allocationState}. Target: ${wantedNodeCount}; allocated: ${currentNodeCount}; ` +
          `preparing: ${preparingNodeCount}; idle: ${idleNodeCount}; unusable: ${unusableNodeCount}`,
      );
    },
  });

  step("Create the experiment myexperiment");
  await batchAI.experiments.create(resourceGroup, "myworkspace", "myexperiment");

  step("Create the job myjob");
  const epochs = configuration.epochs === undefined ? "" : ` --epochs ${configuration.epochs}`;
  const toolkit: Partial<JobCreateParameters> = cntkScript
    ? {
        containerSettings: { imageSourceRegistry: { image: CNTK_IMAGE } },
        cntkSettings: {
          pythonScriptFilePath: `$AZ_BATCHAI_INPUT_SAMPLE/${basename(cntkScript)}`,
          commandLineArgs: `"$AZ_BATCHAI_INPUT_SAMPLE" "$AZ_BATCHAI_OUTPUT_MODEL"${epochs}`,
        },
      }
    : {
        customToolkitSettings: {
          commandLine:
            'node "$AZ_BATCHAI_INPUT_SAMPLE/ConvNet_MNIST.mjs" ' +
            `"$AZ_BATCHAI_INPUT_SAMPLE" "$AZ_BATCHAI_OUTPUT_MODEL"${epochs}`,
        },
      };
  const myjob = [resourceGroup, "myworkspace", "myexperiment", "myjob"] as const;
  ifCutShort(() => endJob(batchAI, myjob));
  await batchAI.jobs.create(...myjob, {
    cluster,
    nodeCount: 1,
    ...toolkit,
    inputDirectories: [{ id: "SAMPLE", path: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/mnistcntksample" }],
    stdOutErrPathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare",
    outputDirectories: [{ id: "MODEL", pathPrefix: "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare", pathSuffix: "Models" }],
  });

  step("Monitor the job: this is its standard output");
  const log = batchAI.jobs.streamOutputFile(...myjob, "stdouterr", "stdout.txt", { abortSignal: signal });
  try {
    for await (const line of log.lines()) say(line);
  } catch (error) {
    // A job that could not start has no output; its errors follow below.
    if (!isBatchAIError(error, "OutputFileNotFound")) throw error;
  }
  const job = await batchAI.jobs.waitForCompletion(...myjob, { abortSignal: signal, throwOnFailure: false });
  say(`Job ${job.executionState}, exit code ${job.executionInfo?.exitCode ?? "none"}.`);

  step("List its logs and model files");
  const logs = await filesOf(batchAI, myjob, "stdouterr");
  const models = await filesOf(batchAI, myjob, "MODEL");
  for (const { name, contentLength = 0 } of logs) say(`stdouterr  ${name}, ${size(contentLength)}`);
  for (const { name, contentLength = 0 } of models) say(`MODEL      ${name}, ${size(contentLength)}`);

  step("Download them");
  const folder = join(configuration.folder, "output");
  await rm(folder, { recursive: true, force: true });
  const names = { resourceGroupName: resourceGroup, workspaceName: "myworkspace", experimentName: "myexperiment" };
  const downloaded: string[] = [];
  for (const outputDirectoryId of ["stdouterr", "MODEL"]) {
    const source = { ...names, jobName: "myjob", outputDirectoryId };
    const output = await downloadOutputDirectory(batchAI.jobs, source, folder, { abortSignal: signal });
    downloaded.push(...output.files.map((file) => file.localPath));
  }
  say(`${downloaded.length} files are now in ${shortPath(folder)}.`);
  if (job.executionState === "failed") {
    const advice = lacksContainer(job) ? `\n${howToProvide(CNTK_IMAGE)}` : "";
    throw new Error(`${new JobFailedError(job).message}${advice}`);
  }

  step("See what it learned");
  const stdout = await readFile(join(folder, "stdout.txt"), "utf8");
  for (const { name, loss, accuracy } of epochsIn(stdout)) {
    say(`Epoch ${name}: loss ${loss.toFixed(4)}, accuracy on the training images ${accuracy.toFixed(1)} %`);
  }
  const model = newest(downloaded);
  if (model === undefined) throw new Error("The job succeeded, but wrote no model.");
  const accuracy = cntkScript ? testAccuracyIn(stdout) : await evaluate(mnist.test, model, signal);

  step("Delete everything");
  await batchAI.jobs.delete(...myjob);
  await batchAI.experiments.delete(resourceGroup, "myworkspace", "myexperiment");
  await batchAI.clusters.delete(resourceGroup, "myworkspace", "mycluster");
  await batchAI.workspaces.delete(resourceGroup, "myworkspace");
  await share.delete();
  if (isOurGroup) await resources.resourceGroups.delete(resourceGroup);

  console.log(`\ntest accuracy: ${accuracy?.toFixed(1) ?? "?"} %\nThe model is in ${model}`);
  if (!cntkScript) console.log("To train with CNTK in the article's container: npm run quickstart -- --cntk");
});
