import { describe, expect, it } from '@jest/globals';
import { defineErrors, type ErrorTable } from './index.ts';

const lampErrors = {
  ERR_LAMP_DARK: {
    meaning: 'The lamp gives no light.',
    cure: 'Change the bulb.',
    exit: 3,
    http: 503,
  },
} as const satisfies ErrorTable<'LAMP'>;
class LampError extends defineErrors('Lamp', lampErrors) {}

describe('defineErrors', () => {
  it('makes a class whose errors have a code, the name of the area and the cause', () => {
    const cause = new Error('no current');
    const error = new LampError('ERR_LAMP_DARK', 'the lamp in the hall is dark', { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'LampError',
      code: 'ERR_LAMP_DARK',
      message: 'the lamp in the hall is dark',
      cause,
    });
    expect(String(error)).toBe('LampError: the lamp in the hall is dark');
    expect(error.stack).toContain('define-errors.test');
  });

  it('gives each error the cure of its code', () => {
    expect(new LampError('ERR_LAMP_DARK', 'dark').cure).toBe('Change the bulb.');
  });

  it('says what fixes an error: what is usual for its exit code, or what its entry says', () => {
    class RoomError extends defineErrors('Room', {
      ERR_ROOM_NAME: { meaning: '', cure: '', exit: 2, http: 422 },
      ERR_ROOM_AWAY: { meaning: '', cure: '', exit: 4, http: 502 },
      ERR_ROOM_KEY: { meaning: '', cure: '', exit: 4, http: 502, fixedBy: 'person' },
    } as const satisfies ErrorTable<'ROOM'>) {}
    const codes = ['ERR_ROOM_NAME', 'ERR_ROOM_AWAY', 'ERR_ROOM_KEY'] as const;
    expect(codes.map((code) => new RoomError(code, '').fixedBy)).toEqual([
      'person',
      'time',
      'person',
    ]);
  });

  it('lets a class add properties of its own', () => {
    class RoomError extends defineErrors('Room', lampErrors) {
      constructor(readonly room: string) {
        super('ERR_LAMP_DARK', `the lamp in ${room} is dark`);
      }
    }
    expect(new RoomError('the hall')).toMatchObject({ room: 'the hall', name: 'RoomError' });
  });
});
