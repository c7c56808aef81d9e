import { quoted } from "../../../ground/runProgram.ts";

/** Sentences for the reasons of Slurm, by their first word. The last ones are for whole families of reasons. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/^None$/, "Slurm has not looked at the job yet"],
  [/^WaitingForScheduling$/, "Slurm has not looked at the job yet"],
  [/^Priority$/, "Other jobs have a higher priority in Slurm"],
  [/^Resources$/, "The nodes that the job needs are in use"],
  [/^ReqNodeNotAvail$/, "Nodes that the job needs are down, drained or reserved"],
  [/^Nodes$/, "Nodes that the job needs are down, drained or reserved"],
  [/^NodeDown$/, "A node that the job needs is down"],
  [/^PartitionDown$/, "The partition is down"],
  [/^PartitionInactive$/, "The partition is inactive"],
  [/^PartitionConfig$/, "The partition does not allow what the job asks for"],
  [/^(?:PartitionNodeLimit|PartitionM(?:ax|in)Nodes)$/, "The partition does not allow so many nodes"],
  [/^PartitionTimeLimit$/, "The time limit of the job exceeds that of the partition"],
  [/^JobHeldUser$/, "The job is held; release it with scontrol release"],
  [/^JobHeldAdmin$/, "An administrator of Slurm holds the job"],
  [/^BeginTime$/, "The earliest start time of the job has not come yet"],
  [/^DependencyNeverSatisfied$/, "The job depends on a job that can never satisfy it"],
  [/^Dependency$/, "The job depends on another job"],
  [/^BadConstraints$/, "No node has what the job asks for"],
  [/^Licenses$/, "The job waits for a license"],
  [/^Reservation$/, "The reservation of the job has not begun"],
  [/^ReservationDeleted$/, "The reservation of the job was deleted"],
  [/^Prolog$/, "Slurm prepares the nodes of the job"],
  [/^BurstBuffer/, "The job waits for its burst buffer"],
  [/^Cleaning$/, "Slurm cleans up after an earlier start of the job"],
  [/^MaxMemPerLimit$/, "The job asks for more memory than Slurm allows"],
  [/^InvalidAccount$|^AccountNotAllowed$/, "The account of the job may not be used"],
  [/^InvalidQOS$|^QOSNotAllowed$/, "The quality of service of the job may not be used"],
  [/^QOSMin|^QOSUsageThreshold$/, "The job asks for less than its quality of service requires"],
  [/^(?:QOS|Assoc)Max\w*(?:PerJob|PerNode)/, "The job asks for more than one job may use"],
  [/^QOS/, "The quality of service has reached a limit"],
  [/^Assoc|^Max\w+PerAccount$/, "The account or the user has reached a limit"],
];

/**
 * Returns a reason of Slurm as one sentence for people, with Slurm's own words in parentheses, because these are what its
 * documentation explains. Unknown reasons are quoted as they are.
 * @param reason - Text of `squeue`, which may have underscores in the place of blanks.
 */
export function reasonSentence(reason: string): string {
  const words = quoted(reason.replaceAll("_", " "));
  const word = /^\w+/.exec(words)?.[0] ?? "";
  const sentence = sentences.find(([pattern]) => pattern.test(word))?.[1];
  if (sentence === undefined) return words === "" ? "Slurm does not say why." : `Slurm says: ${words}.`;
  return word === "None" ? `${sentence}.` : `${sentence} (${words}).`;
}
