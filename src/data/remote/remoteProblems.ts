import { STATUS_CODES } from 'node:http';
import { DataError, errorCode, errorMessage } from '../../shared/text/errors.js';
import { Changed, NotPermitted, Unreachable } from './source.js';

/** Seconds without a sign of life after which a server is given up. */
export const patience = 30;

const certificate = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|CRL/;

const ofDisk = /^(ENOSPC|EDQUOT|EROFS|EIO|EACCES|EPERM|ENOENT|ENOTDIR|EISDIR|EMFILE)$/;

/** Why a connection did not come to be, or broke, in words. */
export function connectionProblem(shown: string, error: unknown): Error {
  if (error instanceof DataError || error instanceof Unreachable || error instanceof Changed) return error;
  // Nobody wants it any more.
  if (error instanceof Error && error.name === 'AbortError') return error;
  const code = errorCode(error);
  if (certificate.test(code)) {
    return new DataError(
      `${shown}: the certificate of its server is not trusted (${code}): for a certificate authority of your own set NODE_EXTRA_CA_CERTS=FILE`,
    );
  }
  if (/^(ERR_SSL|EPROTO)/.test(code)) return new DataError(`${shown}: its server does not speak TLS (${code}): is it http://?`);
  if (ofDisk.test(code)) return new DataError(`${shown}: its copy cannot be written: ${errorMessage(error)}`);
  const reason = reasonOf(code === '' && error instanceof Error ? error.name : code);
  if (reason !== undefined || code !== '') return new Unreachable(reason ?? `${errorMessage(error)} (${code})`);
  return error instanceof Error ? error : new Error(String(error));
}

function reasonOf(code: string): string | undefined {
  if (/^(ENOTFOUND|EAI_)/.test(code)) return `no address is known of its host (${code})`;
  if (code === 'ECONNREFUSED') return 'nobody listens there (ECONNREFUSED)';
  if (/TIMEOUT|ETIMEDOUT|TimeoutError/.test(code)) return `no answer within ${patience} s`;
  if (/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/.test(code)) return `the connection broke (${code})`;
  return undefined;
}

/** May a server that answers so answer otherwise soon? */
export function isBusy(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** What a status says that is no success. @param retryAfter header of an answer, in seconds */
export function statusProblem(shown: string, status: number, retryAfter?: string): Error {
  const answer = `${status}${STATUS_CODES[status] === undefined ? '' : ` ${STATUS_CODES[status]}`}`;
  const said = `its server answers ${answer}`;
  if (isBusy(status)) return new Unreachable(said, Number(retryAfter) || 0);
  if (status === 404 || status === 410) return new DataError(`${shown}: no such file: ${said}`);
  if (status === 401 || status === 403) {
    return new NotPermitted(
      `${shown}: no permission to read it: ${said}; expected an address that everyone may read, one that is signed and has not expired, or s3://BUCKET/KEY with credentials of your own`,
      answer,
    );
  }
  if (status === 407) return new DataError(`${shown}: the proxy wants a name and a password: put them into HTTP_PROXY and HTTPS_PROXY`);
  return new DataError(`${shown}: ${said}, expected the file`);
}
