/* The protocol of lib/ring/mpmc.h and reap.h: PRODUCERS and CONSUMERS claim one slot at a time by
 * compare-and-swap, with an intent stored before it; DEATHS of them stop for ever before any step,
 * and the reaper finishes what they began. Each shared word is one step.
 *
 * Checked: every message arrives at most once and whole, in the order of its producer at each
 * consumer; all messages of the living arrive, but for those that a dead consumer had claimed;
 * nobody is wedged (an invalid end state).
 *
 * Mutants, each of which must fail: MUTANT_NO_REAP, MUTANT_NO_INTENT (the reaper finds none),
 * MUTANT_LATE_INTENT (stored after the swap), MUTANT_IGNORE_LIVING (the reaper does not look at the
 * intents of the living), MUTANT_NO_SEQUENCE (producers do not look whether the slot is free),
 * MUTANT_PLAIN_CLAIM (a claim is a load and a store). */

#ifndef CAP
#define CAP 2
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef EACH
#define EACH 1              /* messages of every producer but the first, which sends FIRST */
#endif
#ifndef FIRST
#define FIRST 2
#endif
#ifndef DEATHS
#define DEATHS 0
#endif

#define ENDPOINTS (PRODUCERS + CONSUMERS)
#define IS_PRODUCER(e) (e < PRODUCERS)
#define NUMBER(producer, index) (producer * 4 + index)   /* index from 1 */

#define LIVE 0
#define DYING 1             /* dead, and nobody knows yet */
#define DEAD 2              /* marked by the reaper */
#define GONE 3              /* left in order, or reaped */

byte sequence[CAP];
byte low_word[CAP];
byte high_word[CAP];
bool abandoned[CAP];
byte tail = 0;
byte head = 0;
byte intent[ENDPOINTS];     /* position + 1; 0: none */
byte state[ENDPOINTS];

byte deaths = DEATHS;
byte unreaped = 0;          /* dead, and not settled */
byte producing = PRODUCERS; /* producers that have neither finished nor been reaped */
byte consuming = CONSUMERS; /* likewise */
byte working = ENDPOINTS;   /* endpoints that have neither finished nor been reaped */

/* For the assertions only. */
bool arrived[PRODUCERS * 4];
byte last[ENDPOINTS * PRODUCERS];
byte sent = 0;              /* messages handed over by their producers */
byte received = 0;
byte lost = 0;
bool drained = false;       /* a consumer found the ring closed and empty */

/* Before each step an endpoint may die. */
#define MAY_DIE                                                             \
    if                                                                      \
    :: atomic { deaths > 0 -> deaths--; unreaped++; state[me] = DYING; goto dead } \
    :: true                                                                 \
    fi

proctype producer(byte me; byte count) {
    byte at;
    byte seen;
    byte index = 1;
    do
    :: index > count -> break
    :: else ->
claim:
        MAY_DIE;
        at = tail;
#ifndef MUTANT_NO_SEQUENCE
        if
        :: sequence[at % CAP] == at
        :: sequence[at % CAP] != at ->
            /* AGAIN or BUSY: until the slot is free, or the tail has moved, or nobody receives. */
            (sequence[at % CAP] == at || tail != at || consuming == 0);
            if
            :: consuming == 0 -> break
            :: else -> goto claim
            fi
        fi;
#endif
        MAY_DIE;
#if !defined(MUTANT_LATE_INTENT) && !defined(MUTANT_NO_INTENT)
        intent[me] = at + 1;
        MAY_DIE;
#endif
#ifdef MUTANT_PLAIN_CLAIM
        seen = tail;
        if
        :: seen == at -> tail = at + 1
        :: else
        fi;
#else
        atomic {
            seen = tail;
            if
            :: seen == at -> tail = at + 1
            :: else
            fi
        }
#endif
        MAY_DIE;
        if
        :: seen != at -> intent[me] = 0; goto claim
        :: else
        fi;
#ifdef MUTANT_LATE_INTENT
        intent[me] = at + 1;
        MAY_DIE;
#endif
        low_word[at % CAP] = NUMBER(me, index);
        MAY_DIE;
        high_word[at % CAP] = NUMBER(me, index);
        MAY_DIE;
        atomic {
            abandoned[at % CAP] = false;
            sequence[at % CAP] = at + 1;
            sent++
        }
        MAY_DIE;
        intent[me] = 0;
        index++
    od;
    atomic { state[me] = GONE; producing--; working-- }
dead:
    skip
}

proctype consumer(byte me) {
    byte at;
    byte seen;
    byte message;
    bool skipped;
    do
    :: true ->
claim:
        MAY_DIE;
        at = head;
        if
        :: sequence[at % CAP] == at + 1
        :: sequence[at % CAP] != at + 1 ->
            (sequence[at % CAP] == at + 1 || head != at || (producing == 0 && head == tail));
            if
            :: producing == 0 && head == tail -> drained = true; break
            :: else -> goto claim
            fi
        fi;
        MAY_DIE;
#if !defined(MUTANT_LATE_INTENT) && !defined(MUTANT_NO_INTENT)
        intent[me] = at + 1;
        MAY_DIE;
#endif
        atomic {
            seen = head;
            if
            :: seen == at -> head = at + 1
            :: else
            fi
        }
        MAY_DIE;
        if
        :: seen != at -> intent[me] = 0; goto claim
        :: else
        fi;
#ifdef MUTANT_LATE_INTENT
        intent[me] = at + 1;
        MAY_DIE;
#endif
        atomic { skipped = abandoned[at % CAP]; message = low_word[at % CAP] }
        MAY_DIE;
        assert(skipped || high_word[at % CAP] == message);
        /* Given back; what the caller then has counts as received. */
        d_step {
            sequence[at % CAP] = at + CAP;
            if
            :: !skipped ->
                assert(!arrived[message]);
                arrived[message] = true;
                received++;
                assert(last[me * PRODUCERS + message / 4] < message % 4);
                last[me * PRODUCERS + message / 4] = message % 4
            :: else
            fi;
            message = 0; skipped = false; seen = 0
        }
        MAY_DIE;
        intent[me] = 0
    od;
    atomic { state[me] = GONE; consuming--; working-- }
dead:
    skip
}

/* Reaps whoever died, one endpoint after the other. */
proctype reaper() {
    byte victim;
    byte other;
    byte at;
    bool contended;
    bool settled;
    do
    :: working == 0 -> break
#ifndef MUTANT_NO_REAP
    :: atomic {
        unreaped > 0 ->
            victim = 0;
            do
            :: state[victim] == DYING || state[victim] == DEAD -> break
            :: else -> victim++
            od
        }
        state[victim] = DEAD;
        settled = true;
        if
        :: intent[victim] != 0 ->
            at = intent[victim] - 1;
            /* (a) the cursor, (b) the intents of the living, (c) the header */
            if
            :: (IS_PRODUCER(victim) && tail > at) || (!IS_PRODUCER(victim) && head > at) ->
                other = 0;
                contended = false;
#ifndef MUTANT_IGNORE_LIVING
                do
                :: other == ENDPOINTS -> break
                :: other < ENDPOINTS ->
                    if
                    :: IS_PRODUCER(other) == IS_PRODUCER(victim) && intent[other] == at + 1 &&
                       state[other] != DEAD && state[other] != GONE -> contended = true
                    :: else
                    fi;
                    other++
                od;
#endif
                atomic {
                    if
                    :: IS_PRODUCER(victim) && sequence[at % CAP] == at ->
                        if
                        :: contended -> settled = false
                        :: else -> sequence[at % CAP] = at + 1; abandoned[at % CAP] = true
                        fi
                    :: !IS_PRODUCER(victim) && sequence[at % CAP] == at + 1 ->
                        if
                        :: contended -> settled = false
                        :: else ->
                            sequence[at % CAP] = at + CAP;
                            if
                            :: !abandoned[at % CAP] -> lost++
                            :: else
                            fi
                        fi
                    :: else
                    fi
                }
            :: else
            fi
        :: else
        fi;
        if
        :: settled ->
            atomic {
                state[victim] = GONE;
                intent[victim] = 0;
                working--;
                unreaped--;
                if
                :: IS_PRODUCER(victim) -> producing--
                :: else -> consuming--
                fi
            }
        :: else
        fi;
        atomic { other = 0; at = 0; contended = false; settled = false }
#endif
    od
}

init {
    byte i = 0;
    atomic {
        do
        :: i == CAP -> break
        :: i < CAP -> sequence[i] = i; i++
        od;
        i = 0;
        do
        :: i == PRODUCERS -> break
        :: i < PRODUCERS -> run producer(i, (i == 0 -> FIRST : EACH)); i++
        od;
        do
        :: i == ENDPOINTS -> break
        :: i < ENDPOINTS -> run consumer(i); i++
        od;
        run reaper()
    }
    (_nr_pr == 1);
    assert(received + lost <= sent);
    /* If the last consumer died, messages may stay in the ring. */
    assert(!drained || received + lost == sent);
    assert(drained || DEATHS > 0);
    assert(DEATHS > 0 || received == FIRST + (PRODUCERS - 1) * EACH);
    assert(lost <= DEATHS)
}
