import { describe, expect, it } from "vitest";
import { reasonSentence } from "../../../src/service/engines/slurm/slurmReasons.ts";
import { fateOf, hasEnded } from "../../../src/service/engines/slurm/slurmStates.ts";

describe("states of Slurm", () => {
  it.each([
    ["PENDING", "waiting"],
    ["CONFIGURING", "waiting"],
    ["RESV_DEL_HOLD", "waiting"],
    ["RUNNING", "running"],
    ["COMPLETING", "running"],
    ["SUSPENDED", "running"],
    ["STOPPED", "running"],
    ["SIGNALING", "running"],
    ["STAGE_OUT", "running"],
    ["RESIZING", "running"],
    ["REVOKED", "running"],
    ["A_WORD_OF_TOMORROW", "running"],
    ["constructor", "running"],
    ["REQUEUED", "requeued"],
    ["REQUEUE_HOLD", "requeued"],
    ["REQUEUE_FED", "requeued"],
    ["SPECIAL_EXIT", "requeued"],
  ])("%s has not ended: %s", (state, fate) => {
    expect(fateOf(state)).toBe(fate);
    expect(hasEnded(state)).toBe(false);
  });

  it.each([
    ["COMPLETED", "ended"],
    ["FAILED", "ended"],
    ["DEADLINE", "ended"],
    ["CANCELLED", "cancelled"],
    ["OUT_OF_MEMORY", "outOfMemory"],
    ["TIMEOUT", "timedOut"],
    ["PREEMPTED", "preempted"],
    ["NODE_FAIL", "nodeFailed"],
    ["BOOT_FAIL", "nodeFailed"],
  ])("%s has ended: %s", (state, fate) => {
    expect(fateOf(state)).toBe(fate);
    expect(hasEnded(state)).toBe(true);
  });
});

describe("reasons of Slurm", () => {
  it.each([
    ["Priority", "Other jobs have a higher priority in Slurm (Priority)."],
    ["Resources", "The nodes that the job needs are in use (Resources)."],
    ["None", "Slurm has not looked at the job yet."],
    [
      "ReqNodeNotAvail,_UnavailableNodes:n[1-3]",
      "Nodes that the job needs are down, drained or reserved (ReqNodeNotAvail, UnavailableNodes:n[1-3]).",
    ],
    [
      "Nodes_required_for_job_are_DOWN,_DRAINED_or_reserved_for_jobs_in_higher_priority_partitions",
      "Nodes that the job needs are down, drained or reserved (Nodes required for job are DOWN, DRAINED or reserved " +
        "for jobs in higher priority partitions).",
    ],
    ["QOSMaxCpuPerUserLimit", "The quality of service has reached a limit (QOSMaxCpuPerUserLimit)."],
    ["QOSMaxNodePerJobLimit", "The job asks for more than one job may use (QOSMaxNodePerJobLimit)."],
    ["QOSMinGRES", "The job asks for less than its quality of service requires (QOSMinGRES)."],
    ["QOSGrpGRES", "The quality of service has reached a limit (QOSGrpGRES)."],
    ["AssocGrpCpuLimit", "The account or the user has reached a limit (AssocGrpCpuLimit)."],
    [
      "AssocMaxWallDurationPerJobLimit",
      "The job asks for more than one job may use (AssocMaxWallDurationPerJobLimit).",
    ],
    ["MaxGRESPerAccount", "The account or the user has reached a limit (MaxGRESPerAccount)."],
    ["PartitionNodeLimit", "The partition does not allow so many nodes (PartitionNodeLimit)."],
    ["PartitionTimeLimit", "The time limit of the job exceeds that of the partition (PartitionTimeLimit)."],
    ["JobHeldUser", "The job is held; release it with scontrol release (JobHeldUser)."],
    ["DependencyNeverSatisfied", "The job depends on a job that can never satisfy it (DependencyNeverSatisfied)."],
    ["Moon_is_full", "Slurm says: Moon is full."],
    ["", "Slurm does not say why."],
  ])("%j reads: %s", (reason, sentence) => {
    expect(reasonSentence(reason)).toBe(sentence);
  });
});
