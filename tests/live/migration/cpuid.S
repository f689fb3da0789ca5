/*
 * A guest that says, over and over, which paravirtual features of KVM it finds.
 *
 * It is no more than this loop, because that runs on every KVM: one that is itself inside of a
 * virtual machine may run none but its own Linux. Each line on the first serial port is
 *
 *   cpuid NUMBER EAX NUMBER
 *
 * in hexadecimal: how many lines there were, EAX of CPUID leaf 0x40000001 (asm/kvm_para.h), and the
 * first again, for a line that a migration has cut to be known.
 *
 * QEMU starts it with -kernel: it is a Multiboot image, which begins in 32-bit protected mode.
 */

.set MULTIBOOT_MAGIC, 0x1badb002
.set KVM_CPUID_FEATURES, 0x40000001
.set SERIAL, 0x3f8
.set LINE_STATUS, SERIAL + 5
.set TRANSMITTER_EMPTY, 0x20
.set UNUSED_PORT, 0x80
.set PAUSE, 5000

.section .text
.align 4
.long MULTIBOOT_MAGIC
.long 0
.long -MULTIBOOT_MAGIC

.globl _start
_start:
    mov $stack, %esp
    xor %ebp, %ebp
1:  inc %ebp
    mov $KVM_CPUID_FEATURES, %eax
    cpuid
    push %ebp
    push %eax
    push %ebp
    mov $word, %esi
2:  lodsb
    test %al, %al
    jz 3f
    call write
    jmp 2b
3:  call write_number
    call write_number
    call write_number
    mov $'\n', %al
    call write
    /* Each access of a port that nothing is behind leaves the guest, which takes a while. */
    mov $PAUSE, %ecx
4:  in $UNUSED_PORT, %al
    loop 4b
    jmp 1b

/* A space and the number below the return address, which is taken from the stack. */
write_number:
    mov $' ', %al
    call write
    mov 4(%esp), %ebx
    mov $8, %ecx
5:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    cmp $10, %al
    jb 6f
    add $'a' - '0' - 10, %al
6:  add $'0', %al
    call write
    loop 5b
    ret $4

/* The character in AL, when the port takes it. */
write:
    mov %al, %ah
    mov $LINE_STATUS, %dx
7:  in %dx, %al
    test $TRANSMITTER_EMPTY, %al
    jz 7b
    mov %ah, %al
    mov $SERIAL, %dx
    out %al, %dx
    ret

word:
    .asciz "cpuid"

.bss
    .skip 4096
stack:
