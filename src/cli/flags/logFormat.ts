import { Option } from 'commander';
import { logFormats } from '../../shared/text/logLine.js';

export function logFormatOption(): Option {
  return new Option('--log-format <format>', 'lines for a person, or one JSON object a line').choices(logFormats);
}
