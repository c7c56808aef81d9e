// Shows the output of a job while it runs.

import { openWorkplace } from "./workplace.ts";

const { client, group, workspace, experiment, job, close } = await openWorkplace();
try {
  const count = "for step in 1 2 3; do echo step $step; sleep 0.5; done";
  await client.jobs.create(group, workspace, experiment, "counts", job(count));
  const stdout = client.jobs.streamOutputFile(group, workspace, experiment, "counts", "stdouterr", "stdout.txt");
  for await (const line of stdout.lines()) console.log(line);
  await client.jobs.waitForCompletion(group, workspace, experiment, "counts");
} finally {
  await close();
}
