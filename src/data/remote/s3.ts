import { Readable } from 'node:stream';
import { GetObjectCommand, HeadObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { DataError, errorMessage } from '../../shared/text/errors.js';
import type { Address, S3Address } from './dataAddress.js';
import { connectionProblem, patience, statusProblem } from './remoteProblems.js';
import { type Answer, Changed, isSameVersion, type Source, type Version } from './source.js';

// What versions of Node the package knows is for package.json to say, not for every user to read.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** A file in S3, or in what speaks like it. Credentials, region and endpoint are those of the environment, as for AWS's own tools. */
export function openS3({ bucket, key, shown }: Address & S3Address): Source {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL } = process.env;
  const client = new S3Client({
    // Servers of one's own have no host a bucket.
    forcePathStyle: Boolean(AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL),
    followRegionRedirects: true,
    // Those of a part are none of the file.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: patience * 1_000, requestTimeout: patience * 1_000 },
  });
  const file = { Bucket: bucket, Key: key };
  return {
    async version(abortSignal) {
      try {
        return versionOf(await client.send(new HeadObjectCommand(file), { abortSignal }), undefined);
      } catch (error) {
        throw problemOf(shown, error);
      }
    },
    async read(expected, from, to, abortSignal): Promise<Answer> {
      try {
        const range = { Range: to === undefined ? undefined : `bytes=${from}-${to - 1}`, IfMatch: expected.etag };
        const answer = await client.send(new GetObjectCommand({ ...file, ...range }), { abortSignal });
        const { Body: body, ContentRange: part } = answer;
        if (!(body instanceof Readable)) throw new DataError(`${shown}: expected the file, got nothing`);
        const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(part ?? '') ?? [];
        const version = versionOf(answer, total === undefined ? undefined : Number(total));
        const isPart = part !== undefined;
        if (isSameVersion(version, expected) && (!isPart || Number(start) === from)) return { version, isPart, body };
        body.on('error', () => undefined).destroy();
        throw new Changed();
      } catch (error) {
        throw problemOf(shown, error);
      }
    },
    async close() {
      client.destroy();
    },
  };
}

interface Told {
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

function versionOf({ ContentLength, ETag, LastModified }: Told, total: number | undefined): Version {
  return { size: total ?? ContentLength, etag: ETag, modified: LastModified?.toUTCString() };
}

function problemOf(shown: string, error: unknown): Error {
  if (error instanceof S3ServiceException) {
    const status = error.$metadata.httpStatusCode ?? 0;
    if (status === 412 || status === 416) return new Changed();
    if (error.name === 'NoSuchBucket') return new DataError(`${shown}: no such bucket`);
    if (error.name === 'PermanentRedirect' || status === 301)
      return new DataError(`${shown}: the bucket is in another region: set AWS_REGION to it`);
    if (status !== 0) return statusProblem(shown, status);
  }
  if (error instanceof Error && /^(CredentialsProviderError|TokenProviderError)$/.test(error.name)) {
    return new DataError(
      `${shown}: no credentials for S3 (${errorMessage(error)}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; a file that everyone may read has an https:// address, too`,
    );
  }
  if (/^Region is missing/.test(errorMessage(error)))
    return new DataError(`${shown}: no region is set: set AWS_REGION, such as AWS_REGION=us-east-1`);
  return connectionProblem(shown, error);
}
