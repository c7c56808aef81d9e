/** Type of an entry of an output directory. */
export type FileType = "file" | "directory" | (string & {});

/** An entry of a job's output directory. Returned by `jobs.listOutputFiles`; all properties are set by the service. */
export interface File {
  /** Name, without the path of the directory. */
  readonly name: string;
  /** Type of the entry: a file or a directory. */
  readonly fileType?: FileType;
  /**
   * Signed URL for downloading the file. It works without a token until it expires (`linkExpiryInMinutes`), so treat it
   * as a secret. Absent for directories, and for files whose path Azure Files does not allow, for example because a name
   * contains a line break.
   */
  readonly downloadUrl?: string;
  /** Time of the last change of the file, to the second. Absent for directories. */
  readonly lastModified?: Date;
  /** Size in bytes. Absent for directories. */
  readonly contentLength?: number;
}
