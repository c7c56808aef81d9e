// Uploads a folder, runs a job on it, and downloads the output of the job. After an interruption, the next run would
// resume both transfers.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
// In your own project: from "batchai/transfer".
import { downloadOutputDirectory, uploadDirectory, type TransferProgress } from "../../src/transfer/index.ts";
import { openWorkplace } from "./workplace.ts";

const { client, share, group, workspace, experiment, job, close } = await openWorkplace();
const folder = await mkdtemp(join(tmpdir(), "batchai-example-"));
const onProgress = ({ doneFiles, totalFiles, doneBytes, totalBytes }: TransferProgress): void => {
  console.log(`${doneFiles} of ${totalFiles} files, ${doneBytes} of ${totalBytes} bytes`);
};
try {
  await writeFile(join(folder, "numbers.txt"), "3\n1\n2\n");
  await uploadDirectory(share.getDirectoryClient("samples"), folder, { onProgress });

  const sort = 'sort "$AZ_BATCHAI_MOUNT_ROOT/data/samples/numbers.txt" > "$AZ_BATCHAI_OUTPUT_OUT/sorted.txt"';
  await client.jobs.create(group, workspace, experiment, "sorts", job(sort));
  await client.jobs.waitForCompletion(group, workspace, experiment, "sorts");

  const source = { resourceGroupName: group, workspaceName: workspace, experimentName: experiment, jobName: "sorts" };
  const target = join(folder, "output");
  const output = await downloadOutputDirectory(client.jobs, { ...source, outputDirectoryId: "OUT" }, target, {
    onProgress,
  });
  for (const { path, localPath } of output.files) {
    console.log(`${path}: ${(await readFile(localPath, "utf8")).trim().split("\n").join(" ")}`);
  }
} finally {
  await close();
  await rm(folder, { recursive: true, force: true });
}
