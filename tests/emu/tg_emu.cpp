// The emulator's runtime. Blocks run one after another; in a block a warp runs until each of its lanes waits at a barrier or has
// ended, then the next warp, in the order of the schedule. What a kernel must not count on is made bad on purpose:
//
//     shared memory starts as NaN, and so is the place of an asynchronous copy from its start until the wait that ends it;
//     a barrier opens only when every thread waits at the same line, a tensor-core product only for 32 lanes;
//     warps, lanes and blocks run in either direction, or warps in random order.
//
// With TG_RACES ThreadSanitizer, under which kernels are compiled and this file is not, is told what the threads of a block are
// and where they wait for each other, and so names two accesses of shared memory between which there is no barrier.
#include "tg_emu.h"

#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <utility>
#include <vector>

// Save the registers that a call must keep, and the stack; take up another.
asm(R"(
.text
.globl tg_switch
.type tg_switch, @function
tg_switch:
    pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
    ret
.size tg_switch, .-tg_switch
)");
extern "C" void tg_switch(void** from, void* to);

#ifdef TG_RACES
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_acquire(void* tag);
void __tsan_release(void* tag);
void __tsan_read_range(void* at, unsigned long bytes);
void __tsan_write_range(void* at, unsigned long bytes);
}
#else // nothing watches
inline void* __tsan_get_current_fiber() { return nullptr; }
inline void* __tsan_create_fiber(unsigned) { return nullptr; }
inline void __tsan_switch_to_fiber(void*, unsigned) {}
inline void __tsan_acquire(void*) {}
inline void __tsan_release(void*) {}
inline void __tsan_read_range(void*, unsigned long) {}
inline void __tsan_write_range(void*, unsigned long) {}
#endif
constexpr unsigned NO_SYNC = 1; // a switch orders nothing

namespace tg {

uint3 thread, block, grid;

namespace {

constexpr size_t STACK = 64 * 1024, THREADS = 1024, GRID = 65535, SHARED = 227 * 1024, PAGE = 4096;
enum class State : uint8_t { NEW, READY, AT_BARRIER, AT_MMA, ENDED };
enum Schedule { FORWARD, REVERSE, RANDOM };

struct Copy {
    unsigned* to;
    const unsigned* from;
    bool there;
    int words;
};

struct Fiber {
    void* stack;
    State state;
    int line; // where it waits
    float* d;
    const unsigned *a, *b;
    int I, J;
    std::vector<Copy> copies;
    std::vector<size_t> groups; // copies begun at each commit
};

std::vector<Fiber> fibers;
void (*kernel)(const void*);
const void* arguments;
unsigned current;
void* main_stack;
unsigned char *stacks, *shared;
size_t shared_bytes;
char error[256];
uint64_t state_of_random;
void *main_watched, *watched[THREADS]; // by ThreadSanitizer

// What orders threads. A barrier that opens for the first of them must not order what that one does next before the others go
// on, so meetings take turns with two tags.
struct Meeting {
    char tags[2];
    unsigned count;
    char* tag() { return &tags[count % 2]; }
};
Meeting barriers, products[THREADS / 32];
char started, ended;

unsigned draw(unsigned n) { // xorshift64 (Marsaglia 2003)
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    state_of_random ^= state_of_random << 17;
    return unsigned(state_of_random % n);
}

bool say(const char* format, ...) { // the first error counts
    if (error[0]) return false;
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(error, sizeof error, format, list);
    va_end(list);
    snprintf(error + n, sizeof error - n, " (block %u,%u,%u)", block.x, block.y, block.z);
    return false;
}

void leave(State state, int line) {
    Fiber& fiber = fibers[current];
    fiber.state = state, fiber.line = line;
    __tsan_switch_to_fiber(main_watched, NO_SYNC);
    tg_switch(&fiber.stack, main_stack);
}

void fail(const char* what, int line) {
    say("%s, line %d, thread %u", what, line, current);
    leave(State::ENDED, line);
}

void wait_at(Meeting& meeting, State state, int line) {
    char* tag = meeting.tag();
    __tsan_release(tag);
    leave(state, line);
    __tsan_acquire(tag);
}

void entry() {
    __tsan_acquire(&started);
    kernel(arguments);
    __tsan_release(&ended);
    Fiber& fiber = fibers[current];
    if (!fiber.copies.empty()) say("thread %u ends while copies are on their way", current);
    leave(State::ENDED, 0);
}

void resume(unsigned i) {
    Fiber& fiber = fibers[i];
    if (fiber.state == State::NEW) {
        void** top = reinterpret_cast<void**>(stacks + (i + 1) * STACK);
        *--top = nullptr; // a frame as after a call, its stack 16-byte aligned
        *--top = reinterpret_cast<void*>(entry);
        for (int j = 0; j < 6; j++) *--top = nullptr;
        fiber.stack = top;
    }
    fiber.state = State::READY;
    current = i;
    thread = {i, 0, 0};
    __tsan_switch_to_fiber(watched[i], NO_SYNC);
    tg_switch(&main_stack, fiber.stack);
}

float cut_off(double x) { // to float32, towards zero
    const float f = float(x);
    return std::fabs(double(f)) > std::fabs(x) ? __uint_as_float(__float_as_uint(f) - 1) : f;
}

double operand(unsigned bits) { return __uint_as_float(bits & ~0x1fffu); }

// One mma() of a warp, with the fragments of tg.cuh.
void multiply(Fiber* lane) {
    for (int i = 0; i < lane->I; i++) {
        double A[16][8];
        for (int r = 0; r < 16; r++)
            for (int k = 0; k < 8; k++) A[r][k] = operand(lane[r % 8 * 4 + k % 4].a[4 * i + r / 8 + 2 * (k / 4)]);
        for (int j = 0; j < lane->J; j++) {
            double B[8][8], D[16][8];
            for (int k = 0; k < 8; k++)
                for (int c = 0; c < 8; c++) B[k][c] = operand(lane[4 * c + k % 4].b[2 * j + k / 4]);
            const auto d = [&](int r, int c) { return &lane[r % 8 * 4 + c / 2].d[4 * (i * lane->J + j) + c % 2 + 2 * (r / 8)]; };
            for (int r = 0; r < 16; r++)
                for (int c = 0; c < 8; c++) D[r][c] = *d(r, c);
            for (int r = 0; r < 16; r++)
                for (int k = 0; k < 8; k++)
                    for (int c = 0; c < 8; c++) D[r][c] += A[r][k] * B[k][c];
            for (int r = 0; r < 16; r++)
                for (int c = 0; c < 8; c++) *d(r, c) = cut_off(D[r][c]);
        }
    }
}

// Run a warp until all of its lanes wait at a barrier or have ended.
bool run_warp(unsigned first, Schedule schedule) {
    for (;;) {
        for (unsigned i = 0; i < 32; i++) {
            const unsigned lane = first + (schedule == REVERSE ? 31 - i : i);
            if (fibers[lane].state == State::NEW || fibers[lane].state == State::READY) resume(lane);
            if (error[0]) return false;
        }
        unsigned waiting = 0;
        int line = 0;
        for (unsigned i = first; i < first + 32; i++)
            if (fibers[i].state == State::AT_MMA) waiting++, line = fibers[i].line;
        if (waiting == 0) return true;
        for (unsigned i = first; i < first + 32; i++)
            if (fibers[i].state != State::AT_MMA || fibers[i].line != line)
                return say("mma at line %d: %u lanes of 32 are there, or lanes are at different ones", line, waiting);
        multiply(&fibers[first]);
        products[first / 32].count++;
        for (unsigned i = first; i < first + 32; i++) fibers[i].state = State::READY;
    }
}

bool run_block(Schedule schedule) {
    for (Fiber& fiber : fibers) fiber.state = State::NEW, fiber.copies.clear(), fiber.groups.clear();
    memset(shared, 0xff, shared_bytes); // NaN
    __tsan_release(&started);
    std::vector<unsigned> order(fibers.size() / 32);
    for (unsigned i = 0; i < order.size(); i++) order[i] = schedule == REVERSE ? order.size() - 1 - i : i;
    for (;;) {
        if (schedule == RANDOM)
            for (unsigned i = order.size(); i > 1; i--) std::swap(order[i - 1], order[draw(i)]);
        for (unsigned warp : order)
            if (!run_warp(32 * warp, schedule)) return false;
        unsigned done = 0;
        for (Fiber& fiber : fibers) done += fiber.state == State::ENDED;
        if (done == fibers.size()) {
            __tsan_acquire(&ended);
            return true;
        }
        const int line = fibers[0].state == State::ENDED ? 0 : fibers[0].line;
        for (Fiber& fiber : fibers) {
            if (fiber.state == State::ENDED || fiber.line != line || line == 0)
                return say("the barrier at line %d is not reached by all threads", line ? line : fiber.line);
        }
        barriers.count++;
        for (Fiber& fiber : fibers) fiber.state = State::READY;
    }
}

unsigned char* map(size_t bytes) {
    return static_cast<unsigned char*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

void give_memory(size_t bytes) { // shared memory that ends where no page is
    static unsigned char* end = nullptr;
    if (end == nullptr) {
        const size_t pages = (SHARED + PAGE - 1) / PAGE * PAGE;
        end = map(pages + PAGE) + pages;
        mprotect(end, PAGE, PROT_NONE);
        stacks = map(THREADS * STACK);
    }
    shared_bytes = bytes;
    shared = end - (bytes + 15) / 16 * 16;
}

} // namespace

void barrier(int line) { wait_at(barriers, State::AT_BARRIER, line); }

void* shared_memory(size_t bytes) {
    if (bytes != shared_bytes) fail("shared memory of another size than the launch gave", 0);
    return shared;
}

void copy(void* to, const void* from, bool there, int bytes, int line) {
    if (uintptr_t(to) % bytes || (there && uintptr_t(from) % bytes)) fail("misaligned asynchronous copy", line);
    memset(to, 0xff, bytes);
    __tsan_write_range(to, bytes);
    if (there) __tsan_read_range(const_cast<void*>(from), bytes);
    fibers[current].copies.push_back({static_cast<unsigned*>(to), static_cast<const unsigned*>(from), there, bytes / 4});
}

void commit() { fibers[current].groups.push_back(fibers[current].copies.size()); }

void wait_for(size_t left) {
    Fiber& fiber = fibers[current];
    if (fiber.groups.size() <= left) return;
    const size_t ready = fiber.groups.size() - left, count = fiber.groups[ready - 1];
    for (size_t i = 0; i < count; i++) {
        const Copy& c = fiber.copies[i];
        for (int j = 0; j < c.words; j++) c.to[j] = c.there ? c.from[j] : 0;
        __tsan_write_range(c.to, 4 * c.words);
    }
    fiber.copies.erase(fiber.copies.begin(), fiber.copies.begin() + count);
    fiber.groups.erase(fiber.groups.begin(), fiber.groups.begin() + ready);
    for (size_t& group : fiber.groups) group -= count;
}

void warp_mma(float* d, const unsigned* a, const unsigned* b, int I, int J, int line) {
    Fiber& fiber = fibers[current];
    fiber.d = d, fiber.a = a, fiber.b = b, fiber.I = I, fiber.J = J;
    wait_at(products[current / 32], State::AT_MMA, line);
}

} // namespace tg

using namespace tg;

extern "C" const char* tg_error() { return error; }

// Run ``f`` on every block of the grid; false, and an error to read, where it breaks a rule.
extern "C" bool tg_launch(void (*f)(const void*), const unsigned* grid, unsigned threads, size_t shared_size, const void* args,
                          int schedule, uint64_t seed) {
    error[0] = 0;
    if (threads % 32 || threads > THREADS || shared_size > SHARED || grid[1] > GRID || grid[2] > GRID) return say("a launch out of the device's limits");
    give_memory(shared_size);
    fibers.resize(threads);
    main_watched = __tsan_get_current_fiber();
    for (unsigned i = 0; i < threads; i++)
        if (watched[i] == nullptr) watched[i] = __tsan_create_fiber(0);
    kernel = f, arguments = args, state_of_random = seed * 2 + 1;
    tg::grid = {grid[0], grid[1], grid[2]};
    const uint64_t blocks = uint64_t(grid[0]) * grid[1] * grid[2];
    for (uint64_t i = 0; i < blocks; i++) {
        const uint64_t b = schedule == REVERSE ? blocks - 1 - i : i;
        block = {unsigned(b % grid[0]), unsigned(b / grid[0] % grid[1]), unsigned(b / grid[0] / grid[1])};
        if (!run_block(Schedule(schedule))) return false;
    }
    return true;
}
