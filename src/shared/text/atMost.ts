/** Lines about those who do not belong to the run, who may be many. */
export const saidOfStrangers = 20;

/** Says the first lines, and that there are more. */
export function atMost(count: number, say: (line: string) => void): (line: string) => void {
  let said = 0;
  return (line) => {
    if (said++ < count) say(line);
    else if (said === count + 1) say('further ones are counted only');
  };
}
