// Downloads an output directory, and is killed as soon as a file has come so far.
import { BatchAIManagementClient, tokenCredential } from "../../src/index.ts";
import { downloadOutputDirectory } from "../../src/transfer/index.ts";

const [connection = "", source = "", folder = "", path, fileBytes] = process.argv.slice(2);
const { endpoint, subscriptionId, token } = JSON.parse(connection);
const options = { endpoint, allowInsecureConnection: true };
const { jobs } = new BatchAIManagementClient(tokenCredential(token), subscriptionId, options);
await downloadOutputDirectory(jobs, JSON.parse(source), folder, {
  onProgress: (progress) => {
    if (progress.path === path && progress.fileBytes === Number(fileBytes)) process.kill(process.pid, "SIGKILL");
  },
});
