import { SingleBar } from 'cli-progress';

/** A bar of one line, which leaves nothing behind. @param format as cli-progress takes it */
export function progressBar(stream: NodeJS.WritableStream, format: string): SingleBar {
  return new SingleBar({
    stream,
    format,
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
    barCompleteChar: '█',
    barIncompleteChar: '░',
  });
}
