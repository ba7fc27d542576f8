/* The protocol of lib/ring/event_count.h: GIVERS put TAKERS tokens into a box, and each taker takes
 * one, sleeping on one word, epoch * 2 + mark. A lost wake-up is an invalid end state.
 *
 * Mutants, each of which must fail: MUTANT_TWO_WORDS (mark and epoch are words of their own, the
 * mark is cleared before the epoch moves), MUTANT_NO_SECOND_LOOK, MUTANT_LATE_MARK (the second look
 * comes before the mark), MUTANT_BLIND_SLEEP (sleeping without comparing the word). */

#ifndef TAKERS
#define TAKERS 3
#endif
#ifndef GIVERS
#define GIVERS 2
#endif

byte tokens = 0;
byte mark = 0;
byte epoch = 0;
bool asleep[TAKERS];
byte taken = 0;

/* What the sleeper compares: one word, or the epoch alone. */
#ifdef MUTANT_TWO_WORDS
#define WORD epoch
#else
#define WORD (epoch * 2 + mark)
#endif

inline wake_all() {
    atomic {
        byte_i = 0;
        do
        :: byte_i == TAKERS -> break
        :: byte_i < TAKERS -> asleep[byte_i] = false; byte_i++
        od
    }
}

proctype giver(byte count) {
    byte byte_i;
    byte seen;
    bool won;
    do
    :: count == 0 -> break
    :: count > 0 ->
        tokens++;
        atomic { won = false; seen = epoch * 2 + mark }
        if
        :: seen % 2 == 1 ->
#ifdef MUTANT_TWO_WORDS
            mark = 0;
            epoch++;
            won = true;
#else
            atomic {
                if
                :: epoch * 2 + mark == seen -> epoch++; mark = 0; won = true
                :: else
                fi
            }
#endif
            if
            :: won -> wake_all()
            :: else
            fi
        :: else
        fi;
        count--
    od
}

proctype taker(byte me) {
    byte key;
    bool got;
again:
#ifdef MUTANT_LATE_MARK
    atomic { got = tokens > 0; if :: got -> tokens-- :: else fi }
#endif
#ifdef MUTANT_TWO_WORDS
    mark = 1;
    key = epoch;
#else
    atomic { mark = 1; key = WORD }
#endif
#if !defined(MUTANT_LATE_MARK) && !defined(MUTANT_NO_SECOND_LOOK)
    atomic { got = tokens > 0; if :: got -> tokens-- :: else fi }
#endif
    if
    :: got -> goto done
    :: else
    fi;
    atomic {
        if
#ifdef MUTANT_BLIND_SLEEP
        :: true -> asleep[me] = true
#else
        :: WORD == key -> asleep[me] = true
        :: else
#endif
        fi
    }
    (!asleep[me]);
#ifdef MUTANT_NO_SECOND_LOOK
    atomic { got = tokens > 0; if :: got -> tokens-- :: else fi }
    if
    :: got -> goto done
    :: else
    fi;
#endif
    goto again;
done:
    taken++
}

init {
    byte i = 0;
    atomic {
        do
        :: i == TAKERS -> break
        :: i < TAKERS -> run taker(i); i++
        od;
        run giver(TAKERS - GIVERS + 1);
        i = 1;
        do
        :: i == GIVERS -> break
        :: i < GIVERS -> run giver(1); i++
        od
    }
    (_nr_pr == 1);
    assert(taken == TAKERS && tokens == 0)
}
