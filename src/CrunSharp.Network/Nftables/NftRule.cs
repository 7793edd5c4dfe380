using CrunSharp.Kernel.Sockets;
using static CrunSharp.Kernel.Libc.NFT;
using static CrunSharp.Kernel.Libc.NFTA;

namespace CrunSharp.Network.Nftables;

/// <summary>
/// Writes the expressions of a rule, a program on registers: registers 1 to 4 have 16 bytes, and NFT_REG32_00 and on
/// are the same memory in pieces of 4 bytes.
/// </summary>
/// <param name="writer">Where to.</param>
/// <param name="rule">The place of the rule's list of expressions.</param>
internal readonly struct NftRule(NetlinkWriter writer, int rule)
{
    /// <summary>Ends the rule.</summary>
    public void End() => writer.End(rule);

    /// <summary>Loads a property of the packet.</summary>
    public NftRule Meta(int key, int register)
    {
        var data = Begin("meta", out var expression);
        writer.AttributeBigEndian(NFTA_META_KEY, (uint)key).AttributeBigEndian(NFTA_META_DREG, (uint)register);
        return End(data, expression);
    }

    /// <summary>Loads bytes of a header.</summary>
    public NftRule Payload(int header, int offset, int length, int register)
    {
        var data = Begin("payload", out var expression);
        writer.AttributeBigEndian(NFTA_PAYLOAD_DREG, (uint)register).AttributeBigEndian(NFTA_PAYLOAD_BASE, (uint)header)
            .AttributeBigEndian(NFTA_PAYLOAD_OFFSET, (uint)offset).AttributeBigEndian(NFTA_PAYLOAD_LEN, (uint)length);
        return End(data, expression);
    }

    /// <summary>Loads a property of the connection.</summary>
    public NftRule Connection(int key, int register)
    {
        var data = Begin("ct", out var expression);
        writer.AttributeBigEndian(NFTA_CT_KEY, (uint)key).AttributeBigEndian(NFTA_CT_DREG, (uint)register);
        return End(data, expression);
    }

    /// <summary>Goes on if the connection has one of these bits in its state or status.</summary>
    public NftRule ConnectionHasAny(int key, uint bits) =>
        Connection(key, NFT_REG_1).And(NFT_REG_1, BitConverter.GetBytes(bits)).Compare(NFT_CMP_NEQ, NFT_REG_1, [0, 0, 0, 0]);

    /// <summary>Loads what kind of address the packet's destination is.</summary>
    public NftRule DestinationKind(int register)
    {
        var data = Begin("fib", out var expression);
        writer.AttributeBigEndian(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR).AttributeBigEndian(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
            .AttributeBigEndian(NFTA_FIB_DREG, (uint)register);
        return End(data, expression);
    }

    /// <summary>Masks a register.</summary>
    public NftRule And(int register, ReadOnlySpan<byte> mask)
    {
        var data = Begin("bitwise", out var expression);
        writer.AttributeBigEndian(NFTA_BITWISE_SREG, (uint)register).AttributeBigEndian(NFTA_BITWISE_DREG, (uint)register)
            .AttributeBigEndian(NFTA_BITWISE_LEN, (uint)mask.Length);
        Value(NFTA_BITWISE_MASK, mask);
        Value(NFTA_BITWISE_XOR, stackalloc byte[mask.Length]);
        return End(data, expression);
    }

    /// <summary>Goes on if a register has these bytes.</summary>
    public NftRule Equal(int register, ReadOnlySpan<byte> value) => Compare(NFT_CMP_EQ, register, value);

    /// <summary>Goes on if a register compares with these bytes.</summary>
    public NftRule Compare(int how, int register, ReadOnlySpan<byte> value)
    {
        var data = Begin("cmp", out var expression);
        writer.AttributeBigEndian(NFTA_CMP_SREG, (uint)register).AttributeBigEndian(NFTA_CMP_OP, (uint)how);
        Value(NFTA_CMP_DATA, value);
        return End(data, expression);
    }

    /// <summary>Puts bytes into a register.</summary>
    public NftRule Load(int register, ReadOnlySpan<byte> value)
    {
        var data = Begin("immediate", out var expression);
        writer.AttributeBigEndian(NFTA_IMMEDIATE_DREG, (uint)register);
        Value(NFTA_IMMEDIATE_DATA, value);
        return End(data, expression);
    }

    /// <summary>Goes on if a set has the key in a register, or if it has not.</summary>
    public NftRule In(string set, int register, bool not = false)
    {
        var data = Begin("lookup", out var expression);
        writer.AttributeText(NFTA_LOOKUP_SET, set).AttributeBigEndian(NFTA_LOOKUP_SREG, (uint)register);
        if (not) writer.AttributeBigEndian(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
        return End(data, expression);
    }

    /// <summary>Goes on if a map has the key in a register, with the data in a register.</summary>
    public NftRule Map(string map, int register, int result)
    {
        var data = Begin("lookup", out var expression);
        writer.AttributeText(NFTA_LOOKUP_SET, map).AttributeBigEndian(NFTA_LOOKUP_SREG, (uint)register)
            .AttributeBigEndian(NFTA_LOOKUP_DREG, (uint)result);
        return End(data, expression);
    }

    /// <summary>Gives the packet another destination.</summary>
    public NftRule DestinationNat(int family, int address, int port)
    {
        var data = Begin("nat", out var expression);
        writer.AttributeBigEndian(NFTA_NAT_TYPE, NFT_NAT_DNAT).AttributeBigEndian(NFTA_NAT_FAMILY, (uint)family)
            .AttributeBigEndian(NFTA_NAT_REG_ADDR_MIN, (uint)address).AttributeBigEndian(NFTA_NAT_REG_PROTO_MIN, (uint)port);
        return End(data, expression);
    }

    /// <summary>Gives the packet the address of the interface through which it leaves as its source.</summary>
    public NftRule Masquerade()
    {
        var data = Begin("masq", out var expression);
        return End(data, expression);
    }

    /// <summary>Counts packets.</summary>
    public NftRule Counter()
    {
        var data = Begin("counter", out var expression);
        return End(data, expression);
    }

    /// <summary>Decides: NF_ACCEPT, NF_DROP, NFT_RETURN, or NFT_JUMP to a chain.</summary>
    public NftRule Verdict(int code, string? chain = null)
    {
        var data = Begin("immediate", out var expression);
        writer.AttributeBigEndian(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        var value = writer.BeginNested(NFTA_IMMEDIATE_DATA);
        var verdict = writer.BeginNested(NFTA_DATA_VERDICT);
        writer.AttributeBigEndian(NFTA_VERDICT_CODE, (uint)code);
        if (chain is not null) writer.AttributeText(NFTA_VERDICT_CHAIN, chain);
        writer.End(verdict).End(value);
        return End(data, expression);
    }

    private int Begin(string name, out int expression)
    {
        expression = writer.BeginNested(NFTA_LIST_ELEM);
        return writer.AttributeText(NFTA_EXPR_NAME, name).BeginNested(NFTA_EXPR_DATA);
    }

    private NftRule End(int data, int expression)
    {
        writer.End(data).End(expression);
        return this;
    }

    private void Value(ushort type, ReadOnlySpan<byte> value)
    {
        var nest = writer.BeginNested(type);
        writer.Attribute(NFTA_DATA_VALUE, value).End(nest);
    }
}
