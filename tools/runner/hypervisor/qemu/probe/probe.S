# accel-probe: the smallest guest that tells a working accelerator from one that merely exists.
#
# It does, in a fraction of a second, what a 64-bit kernel does while it boots, says on QEMU's debug console
# (port 0xe9) which step it is at, and leaves through isa-debug-exit (port 0xf4) with a code nothing else gives.
#
# What a pass proves: QEMU came up with this CPU model and its firmware ran; the processor runs kernel code in long
# mode, in the lower and the upper half, at processor speed; exceptions, timer interrupts, page tables, MSRs,
# control registers, vector state and user mode work on one CPU.
# What it does not prove: several CPUs, virtio and other devices, nested paging being fast, memory beyond 64 MiB,
# or that every driver of a given kernel is content.
#
# Why speed and single instructions are steps: there are KVM back ends that take a guest's kernel mode through KVM's
# instruction emulator. One was watched with Debian's 6.1 cloud kernel: firmware started at once, the kernel said its
# first word after 40 s (under QEMU's own translator it was done after 2), and after another 40 s KVM stopped it
# with an internal error at LOCK CMPXCHG16B in the slab allocator, which the emulator does not know. INT3 and POPCNT
# it does not know either. For a job all of that is a hang.
#
# Loaded at 1 MiB by QEMU's multiboot loader (a flat binary: the header below carries the addresses), entered in
# 32-bit protected mode.

        .set    CONSOLE, 0xe9
        .set    EXIT, 0xf4
        .set    EXIT_PASSED, 0x2a               # QEMU's exit code is (value << 1) | 1: 85
        .set    EXIT_FAILED, 0x0f               # 31

        # Physical memory, all of it cleared at the start.
        .set    PML4, 0x200000
        .set    PDPT_LOW, 0x201000
        .set    PDPT_HIGH, 0x202000
        .set    PD_IDENTITY, 0x203000           # four of them: 4 GiB in 2 MiB pages
        .set    PDPT_DEMAND, 0x207000
        .set    PD_DEMAND, 0x208000
        .set    PT_DEMAND, 0x209000
        .set    PDPT_USER, 0x20a000
        .set    PD_USER, 0x20b000
        .set    PT_USER, 0x20c000
        .set    USER_CODE, 0x20d000
        .set    USER_STACK, 0x20e000
        .set    IDT, 0x20f000
        .set    TSS, 0x210000
        .set    VECTOR_STATE, 0x212000          # up to 16 KiB
        .set    STACK_TOP, 0x220000
        .set    TRAP_STACK_TOP, 0x224000        # for traps out of user mode
        .set    MEMORY_START, PML4
        .set    MEMORY_END, TRAP_STACK_TOP
        .set    FRAMES, 0x400000                # page frames handed out on demand, 2 MiB
        .set    PAGES, 512

        # Where Linux lives: its text, its direct map, a program.
        .set    UPPER_HALF, 0xffffffff80000000
        .set    DEMAND, 0xffff888000000000      # PML4 entry 273
        .set    USER, 0x8000000000              # PML4 entry 1
        .set    APIC, 0xfee00000

        .set    KERNEL_CODE, 0x08
        .set    KERNEL_DATA, 0x10
        .set    BOOT_CODE, 0x18
        .set    USER_DATA, 0x28 | 3
        .set    USER_TEXT, 0x30 | 3
        .set    TASK, 0x38

        # The speed that is asked for, in time-stamp ticks for an instruction, in the best of some slices, so that
        # a busy host costs nothing. Hardware needs below 1, QEMU's translator a few, KVM's emulator thousands.
        .set    SLICES, 4
        .set    SLICE_ROUNDS, 2500
        .set    ROUND_INSTRUCTIONS, 8
        .set    SLOWEST, 100

        # ---- 32 bits -------------------------------------------------------------------------------------------

        .text
        .code32
        .globl  start
start:
        jmp     protected_mode

        .balign 4
multiboot:
        .long   0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
        .long   multiboot, start, 0, 0, start   # header, load address, whole file, no bss, entry

        .macro  step32 text
        mov     $.Lstep\@, %esi
        call    say32
        .pushsection .text, 1
.Lstep\@: .asciz "\text\n"
        .popsection
        .endm

        .macro  require32 bit, register, text   # of the register CPUID filled
        bt      $\bit, \register
        jc      .Lhas\@
        mov     $.Llacks\@, %esi
        jmp     fail32
.Lhas\@:
        .pushsection .text, 1
.Llacks\@: .asciz "no \text\n"
        .popsection
        .endm

say32:  lodsb
        test    %al, %al
        jz      1f
        out     %al, $CONSOLE
        jmp     say32
1:      ret

fail32: mov     %esi, %edi
        mov     $failed_text, %esi
        call    say32
        mov     %edi, %esi
        call    say32
        mov     $EXIT_FAILED, %eax
        out     %eax, $EXIT
1:      hlt
        jmp     1b

protected_mode:
        cli
        cld
        mov     %eax, %ebp
        mov     $STACK_TOP, %esp
        step32  "protected mode"
        cmp     $0x2badb002, %ebp
        je      1f
        mov     $not_multiboot_text, %esi
        jmp     fail32
1:      lgdt    gdt_pointer
        ljmp    $BOOT_CODE, $2f
2:      mov     $KERNEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %eax, %ss

        step32  "processor features"            # those Linux refuses to start without
        mov     $1, %eax
        cpuid
        mov     %ecx, features_ecx
        mov     %edx, features_edx
        require32 0, %edx, "FPU"
        require32 4, %edx, "TSC"
        require32 5, %edx, "MSR"
        require32 6, %edx, "PAE"
        require32 8, %edx, "CX8"
        require32 9, %edx, "APIC"
        require32 13, %edx, "PGE"
        require32 15, %edx, "CMOV"
        require32 16, %edx, "PAT"
        require32 24, %edx, "FXSR"
        require32 25, %edx, "SSE"
        require32 26, %edx, "SSE2"
        mov     $0x80000001, %eax
        cpuid
        mov     %edx, features_extended
        require32 11, %edx, "SYSCALL"
        require32 29, %edx, "long mode"
        xor     %eax, %eax
        cpuid
        cmp     $7, %eax
        jb      1f
        mov     $7, %eax
        xor     %ecx, %ecx
        cpuid
        mov     %ebx, features_7_ebx
        mov     %ecx, features_7_ecx
1:
        step32  "page tables"
        mov     $MEMORY_START, %edi
        mov     $(MEMORY_END - MEMORY_START) / 4, %ecx
        xor     %eax, %eax
        rep stosl
        movl    $PDPT_LOW + 3, PML4
        movl    $PDPT_USER + 7, PML4 + 1 * 8
        movl    $PDPT_DEMAND + 3, PML4 + 273 * 8
        movl    $PDPT_HIGH + 3, PML4 + 511 * 8
        movl    $PD_IDENTITY + 3, PDPT_HIGH + 510 * 8
        movl    $PD_DEMAND + 3, PDPT_DEMAND
        movl    $PT_DEMAND + 3, PD_DEMAND
        movl    $PD_USER + 7, PDPT_USER
        movl    $PT_USER + 7, PD_USER
        movl    $USER_CODE + 5, PT_USER
        movl    $USER_STACK + 7, PT_USER + 8
        xor     %ecx, %ecx
1:      mov     %ecx, %eax                      # PDPT_LOW[n] = PD_IDENTITY + n pages
        shl     $12, %eax
        add     $PD_IDENTITY + 3, %eax
        mov     %eax, PDPT_LOW(, %ecx, 8)
        inc     %ecx
        cmp     $4, %ecx
        jb      1b
        xor     %ecx, %ecx
2:      mov     %ecx, %eax                      # identity: present, writable, 2 MiB
        shl     $21, %eax
        or      $0x83, %eax
        mov     %eax, PD_IDENTITY(, %ecx, 8)
        inc     %ecx
        cmp     $4 * 512, %ecx
        jb      2b
        orl     $0x18, PD_IDENTITY + (APIC >> 21) * 8 # the local APIC's page is not cached

        step32  "long mode"
        mov     $0x20, %eax                     # PAE
        mov     %eax, %cr4
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx               # EFER: SCE, LME, and NXE where there is NX
        rdmsr
        or      $0x101, %eax
        btl     $20, features_extended
        jnc     1f
        or      $0x800, %eax
1:      wrmsr
        mov     $0x80050033, %eax               # PE MP ET NE WP AM PG, as Linux has it
        mov     %eax, %cr0
        ljmp    $KERNEL_CODE, $long_mode

        # ---- 64 bits -------------------------------------------------------------------------------------------

        .code64

        .macro  step text
        lea     .Lstep\@(%rip), %rsi
        call    say
        .pushsection .text, 1
.Lstep\@: .asciz "\text\n"
        .popsection
        .endm

        .macro  fail_now text
        lea     .Lwhy\@(%rip), %rsi
        jmp     fail
        .pushsection .text, 1
.Lwhy\@: .asciz "\text\n"
        .popsection
        .endm

        .macro  fail_if condition, text
        j\condition .Lfail\@
        .pushsection .text, 2
.Lfail\@: fail_now "\text"
        .popsection
        .endm

        # The next exception is this one, and execution goes on at `resume` with the stack as it is now.
        .macro  expect vector, resume
        movl    $\vector, expected_vector(%rip)
        lea     \resume(%rip), %rax
        mov     %rax, expected_resume(%rip)
        mov     %rsp, expected_stack(%rip)
        .endm

        .macro  write_msr number, high, low
        mov     $\number, %ecx
        mov     $\high, %edx
        mov     $\low, %eax
        wrmsr
        .endm

say:    lodsb
        test    %al, %al
        jz      1f
        out     %al, $CONSOLE
        jmp     say
1:      ret

fail:   mov     %rsi, %rdi
        lea     failed_text(%rip), %rsi
        call    say
        mov     %rdi, %rsi
        call    say
        mov     $EXIT_FAILED, %eax
        out     %eax, $EXIT
1:      hlt
        jmp     1b

long_mode:
        mov     $STACK_TOP, %esp
        mov     $0xc0000080, %ecx
        rdmsr
        bt      $10, %eax
        fail_if nc, "EFER does not say that long mode is active"
        step    "the upper half"
        movabs  $UPPER_HALF + upper_half, %rax
        jmp     *%rax
upper_half:
        movabs  $UPPER_HALF + STACK_TOP, %rsp
        lgdt    gdt_pointer_upper(%rip)
        mov     $KERNEL_DATA, %eax
        mov     %eax, %ss
        push    $KERNEL_CODE
        lea     1f(%rip), %rax
        push    %rax
        lretq
1:
        step    "speed of kernel code"
        mov     $SLICES, %r15d
1:      call    slice                           # ticks in rax
        cmp     $SLICE_ROUNDS * ROUND_INSTRUCTIONS * SLOWEST, %rax
        jbe     2f
        dec     %r15d
        jnz     1b
        fail_now "kernel code is emulated instruction by instruction, at a hundredth of a processor's speed or less"
2:
        step    "interrupt table"
        # Every vector has a stub of STUB_SIZE bytes; gates lead to the upper half.
        lea     stubs(%rip), %rax
        mov     $IDT, %edi
        mov     $256, %ecx
1:      mov     %eax, %edx
        and     $0xffff, %edx
        or      $KERNEL_CODE << 16, %edx
        mov     %edx, (%rdi)
        mov     %eax, %edx
        and     $0xffff0000, %edx
        or      $0x8e00, %edx                   # present, interrupt gate
        mov     %edx, 4(%rdi)
        mov     %rax, %rdx
        shr     $32, %rdx
        mov     %rdx, 8(%rdi)
        add     $STUB_SIZE, %rax
        add     $16, %rdi
        dec     %ecx
        jnz     1b
        lidt    idt_pointer(%rip)
        movabs  $UPPER_HALF + TRAP_STACK_TOP, %rax
        mov     %rax, TSS + 4                   # rsp0
        movw    $104, TSS + 102                 # no I/O bitmap
        mov     $TASK, %eax
        ltr     %ax

        step    "exceptions"
        expect  6, 1f
        ud2
        fail_now "UD2 raised nothing"
1:      expect  3, 2f
        int3
        fail_now "INT3 raised nothing"
2:      expect  13, 3f
        movabs  $0x8000000000000000, %rbx       # not canonical
        mov     (%rbx), %rbx
        fail_now "an address that is not canonical raised nothing"
3:
        step    "control registers"
        mov     $0x88, %ebx                     # DE, PGE
        or      $0x600, %ebx                    # OSFXSR, OSXMMEXCPT
        .macro  cr4_if features, bit, flag
        btl     $\bit, \features(%rip)
        jnc     .Lnot\@
        or      $\flag, %ebx
.Lnot\@:
        .endm
        cr4_if  features_edx, 7, 0x40           # MCE
        cr4_if  features_ecx, 17, 0x20000       # PCIDE
        cr4_if  features_ecx, 26, 0x40000       # OSXSAVE
        cr4_if  features_7_ebx, 0, 0x10000      # FSGSBASE
        cr4_if  features_7_ebx, 7, 0x100000     # SMEP
        cr4_if  features_7_ebx, 20, 0x200000    # SMAP
        cr4_if  features_7_ecx, 2, 0x800        # UMIP
        mov     %cr4, %rax
        or      %rbx, %rax
        mov     %rax, %rbx
        mov     %rax, %cr4
        mov     %cr4, %rax
        cmp     %rax, %rbx
        fail_if ne, "CR4 does not keep its bits"
        mov     %cr0, %rax
        or      $8, %eax                        # TS: a lazily switched FPU traps
        mov     %rax, %cr0
        expect  7, 1f
        fninit
        fail_now "CR0.TS does not trap the FPU"
1:      clts
        fninit
        mov     %cr3, %rax
        mov     %rax, %cr3

        step    "page faults"
        # Pages appear as they are written to, 512 times; then what was written is found in their frames.
        movabs  $DEMAND, %rdi
        xor     %ecx, %ecx
1:      mov     %rcx, 8(%rdi)
        add     $4096, %rdi
        inc     %ecx
        cmp     $PAGES, %ecx
        jb      1b
        cmpl    $PAGES, demand_faults(%rip)
        fail_if ne, "not every new page faulted once"
        mov     $FRAMES, %edi
        xor     %ecx, %ecx
2:      cmp     %rcx, 8(%rdi)
        fail_if ne, "memory written through a new page is not in its frame"
        add     $4096, %rdi
        inc     %ecx
        cmp     $PAGES, %ecx
        jb      2b
        mov     PT_DEMAND + 8, %eax
        and     $0x60, %eax
        cmp     $0x60, %eax
        fail_if ne, "a page written to is not marked accessed and dirty"
        # Kernel writes to a read-only page fault (CR0.WP).
        movabs  $DEMAND, %rdi
        andl    $~2, PT_DEMAND
        invlpg  (%rdi)
        expect  14, 3f
        movl    $1, (%rdi)
        fail_now "a write to a read-only page went through"
3:      cmpl    $3, fault_code(%rip)
        fail_if ne, "a write to a read-only page has the wrong error code"
        btl     $20, features_extended(%rip)
        jnc     5f
        orl     $0x80000000, PT_DEMAND + 4
        invlpg  (%rdi)
        expect  14, 4f
        jmp     *%rdi
4:      cmpl    $0x11, fault_code(%rip)
        fail_if ne, "code in a no-execute page has the wrong error code"
5:
        step    "model-specific registers"
        mov     $0x1b, %ecx                     # APIC base
        rdmsr
        mov     %eax, %ebx
        and     $0xfffff800, %ebx
        cmp     $APIC | 0x800, %ebx
        fail_if ne, "the local APIC is not enabled at its place"
        wrmsr
        write_msr 0x277, 0x04070506, 0x00070106 # PAT as Linux sets it
        rdmsr
        cmp     $0x00070106, %eax
        fail_if ne, "PAT does not keep its value"
        btl     $12, features_edx(%rip)
        jnc     1f
        mov     $0xfe, %ecx                     # MTRR capabilities, default type
        rdmsr
        mov     $0x2ff, %ecx
        rdmsr
        wrmsr
1:      write_msr 0x174, 0, 0                   # SYSENTER_CS
        write_msr 0xc0000081, 0x00200008, 0     # STAR: kernel 0x08, user 0x20
        lea     system_call(%rip), %rax
        mov     %rax, %rdx
        shr     $32, %rdx
        mov     $0xc0000082, %ecx               # LSTAR
        wrmsr
        write_msr 0xc0000084, 0, 0x47700        # FMASK: no interrupts, no direction, no trap
        write_msr 0xc0000100, 0x00007fff, 0x12345678 # FS base
        write_msr 0xc0000101, 0xffffffff, 0x80200000 # GS base
        write_msr 0xc0000102, 0x00007fff, 0x23456789 # the other GS base
        swapgs
        mov     $0xc0000101, %ecx
        rdmsr
        cmp     $0x23456789, %eax
        fail_if ne, "SWAPGS does not swap"
        swapgs
        rdtsc
        mov     %eax, %ebx
        mov     %edx, %ebp
        mov     $1000, %ecx
2:      pause
        dec     %ecx
        jnz     2b
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        shl     $32, %rbp
        or      %rbp, %rbx
        cmp     %rbx, %rax
        fail_if be, "the time-stamp counter stands still"

        step    "instructions kernels use"
        .macro  unless features, bit, target
        btl     $\bit, \features(%rip)
        jnc     \target
        .endm
        mov     $1, %eax
        mov     $2, %ecx
        lock xadd %rax, counter(%rip)
        lock cmpxchg %rcx, counter(%rip)        # not equal: rax becomes 1
        lock cmpxchg %rcx, counter(%rip)
        lock cmpxchg8b counter(%rip)
        unless  features_ecx, 13, 1f            # the slab allocator lives by this one
        xor     %eax, %eax
        xor     %edx, %edx
        mov     $5, %ebx
        mov     $6, %ecx
        lock cmpxchg16b pair(%rip)
        fail_if ne, "CMPXCHG16B finds another value"
        cmpq    $6, pair + 8(%rip)
        fail_if ne, "CMPXCHG16B stores nothing"
1:      unless  features_ecx, 23, 1f
        mov     $0xff, %ebx
        popcnt  %rbx, %rbx
        cmp     $8, %ebx
        fail_if ne, "POPCNT counts wrong"
1:      unless  features_7_ebx, 0, 1f
        wrfsbase %rbx
        rdfsbase %rcx
        cmp     %rbx, %rcx
        fail_if ne, "the FS base does not keep its value"
1:      unless  features_7_ebx, 20, 1f
        stac
        clac
1:      unless  features_7_ebx, 10, 1f
        mov     $2, %ebx                        # all contexts
        invpcid pair_of_zeros(%rip), %rbx
1:      unless  features_edx, 19, 1f
        clflush pair(%rip)
1:      unless  features_extended, 27, 1f
        rdtscp
1:      wbinvd
        mfence

        step    "vector registers"
        movdqu  pattern(%rip), %xmm0
        fxsave64 VECTOR_STATE
        pxor    %xmm0, %xmm0
        fxrstor64 VECTOR_STATE
        call    check_xmm0
        btl     $26, features_ecx(%rip)
        jnc     2f
        mov     $0xd, %eax
        xor     %ecx, %ecx
        cpuid
        mov     %eax, %ebx
        and     $7, %ebx                        # x87, SSE, AVX
        and     $0xe0, %eax                     # AVX-512: all of it or nothing
        cmp     $0xe0, %eax
        jne     1f
        bt      $2, %ebx
        jnc     1f
        or      %eax, %ebx
1:      mov     %ebx, %eax
        xor     %edx, %edx
        xor     %ecx, %ecx
        xsetbv
        xgetbv
        cmp     %eax, %ebx
        fail_if ne, "XCR0 does not keep its bits"
        mov     $VECTOR_STATE, %edi
        mov     $0x4000 / 8, %ecx
        xor     %eax, %eax
        rep stosq
        mov     %ebx, %eax
        xor     %edx, %edx
        bt      $2, %ebx
        jc      3f
        xsave64 VECTOR_STATE
        pxor    %xmm0, %xmm0
        xrstor64 VECTOR_STATE
        call    check_xmm0
        jmp     2f
3:      vinsertf128 $1, %xmm0, %ymm0, %ymm0
        xsave64 VECTOR_STATE
        vzeroall
        mov     %ebx, %eax
        xrstor64 VECTOR_STATE
        call    check_xmm0
        vextractf128 $1, %ymm0, %xmm0
        call    check_xmm0
        vzeroupper
2:
        step    "timer interrupt"
        # Both PICs to vectors 0x20 and 0x28, the PIT alone unmasked; through the local APIC's LINT0.
        mov     $0x11, %al
        out     %al, $0x20
        out     %al, $0xa0
        mov     $0x20, %al
        out     %al, $0x21
        mov     $0x28, %al
        out     %al, $0xa1
        mov     $4, %al
        out     %al, $0x21
        mov     $2, %al
        out     %al, $0xa1
        mov     $1, %al
        out     %al, $0x21
        out     %al, $0xa1
        mov     $0xfe, %al
        out     %al, $0x21
        mov     $0xff, %al
        out     %al, $0xa1
        mov     $APIC, %ebx
        movl    $0x1ff, 0xf0(%rbx)              # spurious vector 0xff, on
        movl    $0, 0x80(%rbx)                  # any priority
        movl    $0x700, 0x350(%rbx)             # LINT0: external interrupts
        mov     $0x34, %al                      # channel 0, rate generator, 1193 Hz
        out     %al, $0x43
        mov     $1000 & 0xff, %al
        out     %al, $0x40
        mov     $1000 >> 8, %al
        out     %al, $0x40
1:      sti
        hlt
        cli
        cmpl    $5, pit_ticks(%rip)
        jb      1b

        step    "local APIC timer"
        mov     $0xff, %al
        out     %al, $0x21                      # PIT off
        movl    $0x3, 0x3e0(%rbx)               # divide by 16
        movl    $0x30, 0x320(%rbx)              # one shot, vector 0x30
        movl    $10000, 0x380(%rbx)
1:      sti
        hlt
        cli
        cmpl    $1, apic_ticks(%rip)
        jb      1b
        btl     $24, features_ecx(%rip)
        jnc     3f
        movl    $0x40030, 0x320(%rbx)           # TSC deadline, which Linux prefers
        mfence
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        add     $200000, %rax
        mov     %rax, %rdx
        shr     $32, %rdx
        mov     $0x6e0, %ecx
        wrmsr
2:      sti
        hlt
        cli
        cmpl    $2, apic_ticks(%rip)
        jb      2b
3:
        step    "user mode"
        lea     user_code(%rip), %rsi
        mov     $USER_CODE, %edi
        mov     $USER_CODE_SIZE, %ecx
        rep movsb
        mov     $0xfe, %al
        out     %al, $0x21                      # the PIT again
        mov     %rsp, kernel_stack(%rip)
        movabs  $USER, %rbx
        call    enter_user                      # comes back from system_call
        # And a program that reads the kernel's memory faults.
        mov     $0xff, %al
        out     %al, $0x21
        expect  14, 1f
        movabs  $USER + USER_READ, %rbx
        call    enter_user
1:      cmpl    $5, fault_code(%rip)
        fail_if ne, "a program's access to kernel memory has the wrong error code"

        lea     passed_text(%rip), %rsi
        call    say
        mov     $EXIT_PASSED, %eax
        out     %eax, $EXIT
1:      hlt
        jmp     1b

        # One slice of ordinary integer code: SLICE_ROUNDS rounds of ROUND_INSTRUCTIONS; its result is checked.
slice:  rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, %r14
        mov     $1, %eax
        mov     $SLICE_ROUNDS, %ecx
        movabs  $6364136223846793005, %rdi
        mov     $FRAMES, %ebp
        xor     %r8d, %r8d
1:      imul    %rdi, %rax
        add     %rcx, %rax
        mov     %eax, %edx
        and     $0x3ff8, %edx
        mov     %rax, (%rbp, %rdx)
        xor     (%rbp, %rdx), %rax
        xor     %rcx, %rax
        dec     %ecx                            # a round: eight, with the jump nine
        jnz     1b
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        sub     %r14, %rax
        ret

check_xmm0:
        movq    %xmm0, %rax
        cmp     pattern(%rip), %rax
        fail_if ne, "vector registers are not what was saved"
        ret

        # To rbx in user mode, with interrupts on.
enter_user:
        mov     %rsp, kernel_stack(%rip)
        push    $USER_DATA
        movabs  $USER + 0x2000, %rax
        push    %rax
        push    $0x202
        push    $USER_TEXT
        push    %rbx
        iretq

        # The program calls until the timer has interrupted it three times.
system_call:
        cmpl    $3, ticks_in_user(%rip)
        jae     1f
        sysretq
1:      mov     kernel_stack(%rip), %rsp
        ret

user_code:
        syscall
        jmp     user_code
        .set    USER_READ, . - user_code
        mov     STACK_TOP - 8, %rax
        ud2
        .set    USER_CODE_SIZE, . - user_code

        # ---- traps ---------------------------------------------------------------------------------------------

        # A stub pushes a zero where the processor pushes no error code, and the vector.
        .set    STUB_SIZE, 16
        .balign 16
stubs:
        .set    vector, 0
        .rept   256
        .if     !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)
        pushq   $0
        .endif
        pushq   $vector
        jmp     trap
        .set    vector, vector + 1
        .org    stubs + vector * STUB_SIZE
        .endr

        # On the stack: rax rbx, vector, error code, rip, cs, rflags, rsp, ss.
trap:   push    %rbx
        push    %rax
        mov     16(%rsp), %eax
        cmp     $0x20, %eax
        je      pit_interrupt
        cmp     $0x30, %eax
        je      apic_interrupt
        cmp     $14, %eax
        je      page_fault
        cmp     $0x27, %eax                     # spurious, the PIC's and the APIC's: a masked line went away
        je      back
        cmp     $0xff, %eax
        je      back
expected:
        cmp     expected_vector(%rip), %eax
        jne     unexpected
        mov     24(%rsp), %eax
        mov     %eax, fault_code(%rip)
        movl    $-1, expected_vector(%rip)
        mov     expected_stack(%rip), %rsp
        jmp     *expected_resume(%rip)

back:   pop     %rax
        pop     %rbx
        add     $16, %rsp
        iretq

pit_interrupt:
        incl    pit_ticks(%rip)
        testb   $3, 40(%rsp)
        jz      1f
        incl    ticks_in_user(%rip)
1:      mov     $0x20, %al
        out     %al, $0x20
        jmp     back

apic_interrupt:
        incl    apic_ticks(%rip)
        mov     $APIC, %ebx
        movl    $0, 0xb0(%rbx)
        jmp     back

page_fault:
        mov     %cr2, %rax
        movabs  $DEMAND, %rbx
        sub     %rbx, %rax
        cmp     $PAGES * 4096, %rax
        jae     1f
        shr     $12, %eax
        mov     %eax, %ebx
        cmpl    $0, PT_DEMAND(, %rbx, 8)
        jne     1f
        shl     $12, %eax
        add     $FRAMES + 3, %eax
        mov     %eax, PT_DEMAND(, %rbx, 8)
        incl    demand_faults(%rip)
        jmp     back
1:      mov     16(%rsp), %eax
        jmp     expected

unexpected:
        lea     digits(%rip), %rbx
        mov     %eax, %edx
        shr     $4, %edx
        and     $15, %eax
        mov     (%rbx, %rdx), %dl
        mov     %dl, unexpected_number(%rip)
        mov     (%rbx, %rax), %al
        mov     %al, unexpected_number + 1(%rip)
        lea     unexpected_text(%rip), %rsi
        jmp     fail

        # ---- data ----------------------------------------------------------------------------------------------

        .subsection 3
        .balign 16
pattern: .quad  0x0123456789abcdef, 0x0123456789abcdef
pair:   .quad   0, 0
pair_of_zeros: .quad 0, 0
gdt:    .quad   0
        .quad   0x00af9b000000ffff              # 0x08 kernel code, 64 bits
        .quad   0x00cf93000000ffff              # 0x10 kernel data
        .quad   0x00cf9b000000ffff              # 0x18 boot code, 32 bits
        .quad   0x00cffb000000ffff              # 0x20 user code, 32 bits: SYSRET counts from here
        .quad   0x00cff3000000ffff              # 0x28 user data
        .quad   0x00affb000000ffff              # 0x30 user code, 64 bits
        .quad   0x8000890000000067 | (TSS & 0xffffff) << 16, 0xffffffff # 0x38 task: 104 bytes, upper half
gdt_end:
gdt_pointer:
        .word   gdt_end - gdt - 1
        .long   gdt
gdt_pointer_upper:
        .word   gdt_end - gdt - 1
        .quad   UPPER_HALF + gdt
idt_pointer:
        .word   256 * 16 - 1
        .quad   UPPER_HALF + IDT
        .balign 8
expected_resume: .quad 0
expected_stack: .quad 0
counter: .quad 0
kernel_stack: .quad 0
expected_vector: .long -1
fault_code: .long 0
demand_faults: .long 0
pit_ticks: .long 0
apic_ticks: .long 0
ticks_in_user: .long 0
features_ecx: .long 0
features_edx: .long 0
features_extended: .long 0
features_7_ebx: .long 0
features_7_ecx: .long 0
digits: .ascii  "0123456789abcdef"
failed_text: .asciz "failed: "
passed_text: .asciz "passed\n"
not_multiboot_text: .asciz "not started by a multiboot loader\n"
unexpected_text: .ascii "unexpected exception or interrupt 0x"
unexpected_number: .asciz "??\n"
