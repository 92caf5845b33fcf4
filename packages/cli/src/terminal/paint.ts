import { styleText } from 'node:util';
import type { Channel } from '../output.ts';

type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** The text in a style where the channel shows colour, else as it is. */
export function paint(channel: Channel, style: Style, text: string): string {
  return channel.colour ? styleText(style, text, { validateStream: false }) : text;
}
