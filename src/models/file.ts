/** Whether an entry is a file or a directory. */
export type FileType = "file" | "directory" | (string & {});

/** An entry of a job's output directory. Answered by `jobs.listOutputFiles`; all of it is set by the service. */
export interface File {
  /** Name, without the path of the directory. */
  readonly name?: string;
  /** Whether it is a file or a directory. */
  readonly fileType?: FileType;
  /**
   * URL from which anybody can download the file until the link expires (`linkExpiryInMinutes`): treat it as a secret.
   * Absent for directories.
   */
  readonly downloadUrl?: string;
  /** When the file was last written, to the second. Absent for directories. */
  readonly lastModified?: Date;
  /** Size in bytes. Absent for directories. */
  readonly contentLength?: number;
}
