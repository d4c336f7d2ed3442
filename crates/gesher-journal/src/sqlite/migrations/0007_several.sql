-- Steps with more than one reference, few of them; whoever asks whose a reference is has to see each.
CREATE INDEX steps_several ON steps (seq) WHERE attempt IS NOT NULL AND instr(reference, ',') > 0;
